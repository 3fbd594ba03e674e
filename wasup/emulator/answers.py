"""JSON in, JSON out, and saying no: what the routes of the emulator have in common."""

from typing import Any

import msgspec
from aiohttp import web

from wasup.emulator.logins import is_phone

__all__ = ["Refused", "answer", "number_of", "plain_phone", "read_body"]


class Refused(Exception):  # noqa: N818 - an answer
    """The control request is not carried out."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def answer(value: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


async def read_body(request: web.Request, kind: type[msgspec.Struct]) -> Any:
    """The request's body as this type; an empty one is `{}`.

    Raises:
        Refused: 400.
    """
    raw = await request.read() or b"{}"
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise Refused(400, str(error)) from None


def plain_phone(text: str) -> str:
    """An international number, digits only.

    Raises:
        Refused: 400.
    """
    plain = text.removeprefix("+")
    if not is_phone(plain):
        raise Refused(400, f"{text!r} is not an international number, digits only")
    return plain


def number_of(request: web.Request, name: str) -> int | None:
    """A number of the query.

    Raises:
        Refused: 400.
    """
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused(400, f"`{name}` is a number")
    return int(text)
