"""Profile pictures: an initial on a colour of its own, unless the controls gave another or took it away."""

import hashlib
from html import escape

from aiohttp import web

from wasup.emulator.account import Account, Unknown

__all__ = ["picture_path", "serve_picture"]


def picture_path(account: Account, who: str) -> str | None:
    """Where on this server the picture of a person or a group is; None: there is none.

    Saved people have one; strangers and groups have not, until the controls give them one.
    """
    subject, name = _subject(account, who)
    if subject in account.pictures:
        ref = account.pictures[subject]
        return None if ref is None else f"/media/{ref}"
    return None if name is None else f"/web/pictures/{subject}/{name[0]}"


def _subject(account: Account, who: str) -> tuple[str, str | None]:
    """What a picture is kept by (a number, or a group's id), and the name whose initial it may show."""
    if who in account.groups:
        return who, None
    if who in {account.person.pn, account.person.lid}:
        return account.phone, account.person.push_name
    try:
        person = account.somebody(who)
    except Unknown:
        return who, None
    return person.phone, person.name


async def serve_picture(request: web.Request) -> web.Response:
    """`GET /web/pictures/{subject}/{initial}`."""
    hue = hashlib.blake2b(request.match_info["subject"].encode(), digest_size=1).digest()[0]
    initial = escape(request.match_info["initial"])
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">'
        f'<rect width="96" height="96" fill="hsl({hue} 60% 45%)"/>'
        '<text x="48" y="64" font-family="sans-serif" font-size="48" fill="white" text-anchor="middle">'
        f"{initial}</text></svg>"
    )
    return web.Response(text=text, content_type="image/svg+xml")
