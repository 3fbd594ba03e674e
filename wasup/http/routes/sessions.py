"""Commands to an account's session: connect, disconnect, log out, reconnect, and the two ways to pair."""

from typing import Final, Literal

import msgspec

from wasup.actors.messages import (
    AccountState,
    Connect,
    Disconnect,
    GetQr,
    Logout,
    PairingCode,
    Qr,
    RequestPairingCode,
)
from wasup.http.auth import Scope
from wasup.http.commands import command
from wasup.http.cursors import Id
from wasup.http.operations import Call, NoQuery, Raw, Reply, Routes
from wasup.http.problems import Problem, invalid_field
from wasup.http.qr import QR_TYPES, render_qr
from wasup.http.schemas import PairingRequest
from wasup.identifiers import InvalidIdentifier, to_e164
from wasup.ports.accounts import AccountStatus

__all__ = ["ROUTES"]

ROUTES: Final = Routes("sessions", "An account's session with WhatsApp.")

_COMMAND_ERRORS: Final = (404, 409, 507)
_STATE: Final = {200: ("Done: the state that the account is in now.", AccountState)}
_ACCEPTED: Final = {
    200: ("It is connected already.", AccountState),
    202: ("It is on its way: the state that the account is in now.", AccountState),
}


class QrQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`format` goes before the `Accept` header."""

    format: Literal["json", "text", "png", "svg"] | None = None


def _accepted(state: AccountState) -> Reply:
    return Reply(state, 200 if state.status is AccountStatus.CONNECTED else 202)


@ROUTES.add(
    "POST", "/api/accounts/<id:account_id>/connect", scope=Scope.MANAGE, answers=_ACCEPTED, errors=_COMMAND_ERRORS
)
async def connect(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Connect an account.

    From now on it is kept connected, through crashes and restarts. Without a stored login, QR codes are offered.
    """
    return _accepted(await command(call.services, call.caller, account_id, Connect()))


@ROUTES.add(
    "POST", "/api/accounts/<id:account_id>/disconnect", scope=Scope.MANAGE, answers=_STATE, errors=_COMMAND_ERRORS
)
async def disconnect(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Disconnect an account and keep its login."""
    state = await command(call.services, call.caller, account_id, Disconnect())
    return Reply(state)


@ROUTES.add("POST", "/api/accounts/<id:account_id>/logout", scope=Scope.MANAGE, answers=_STATE, errors=_COMMAND_ERRORS)
async def logout(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Log an account out: unlink it from the phone and forget its login."""
    state = await command(call.services, call.caller, account_id, Logout())
    return Reply(state)


@ROUTES.add(
    "POST", "/api/accounts/<id:account_id>/reconnect", scope=Scope.MANAGE, answers=_ACCEPTED, errors=_COMMAND_ERRORS
)
async def reconnect(call: Call[NoQuery, None], account_id: Id) -> Reply:
    """Disconnect an account and connect it again."""
    await command(call.services, call.caller, account_id, Disconnect())
    return _accepted(await command(call.services, call.caller, account_id, Connect()))


@ROUTES.add(
    "GET",
    "/api/accounts/<id:account_id>/qr",
    scope=Scope.MANAGE,
    answers={200: ("The QR code on offer, in the format asked for.", Qr)},
    media=tuple(QR_TYPES.values())[1:],
    errors=(404, 406, 409),
    headers={"Accept": "One of application/json, text/plain, image/png and image/svg+xml."},
)
async def show_qr(call: Call[QrQuery, None], account_id: Id) -> Reply:
    """Show the QR code that is on offer.

    WhatsApp rotates it: ask again after `expires_at`, or listen to `account.qr`. 409 when none is on offer.
    """
    kind = call.query.format or _negotiated(call.headers.get("Accept", ""))
    qr = await command(call.services, call.caller, account_id, GetQr())
    if kind == "json":
        return Reply(qr)
    return Reply(Raw(await render_qr(qr.code, kind), QR_TYPES[kind]))


def _negotiated(accept: str) -> str:
    """The first acceptable format, in the client's order; weights are left aside among so few formats."""
    for part in accept.split(",") if accept else ["*/*"]:
        wanted = part.partition(";")[0].strip().lower()
        for kind, media in QR_TYPES.items():
            family = media.partition("/")[0] + "/*"
            if wanted in {media.partition(";")[0], family, "*/*"}:
                return kind
    raise Problem(406, f"The QR code comes as {', '.join(QR_TYPES.values())}.", "not-acceptable")


@ROUTES.add(
    "POST",
    "/api/accounts/<id:account_id>/pairing-code",
    scope=Scope.MANAGE,
    answers={200: ("The code to type on the phone.", PairingCode)},
    errors=_COMMAND_ERRORS,
)
async def request_pairing_code(call: Call[NoQuery, PairingRequest], account_id: Id) -> Reply:
    """Ask for a pairing code, for a phone that cannot scan.

    The account must be offering QR codes, as after `connect`.
    """
    try:
        phone = to_e164(call.body.phone, call.running.values.default_region)
    except InvalidIdentifier as error:
        raise invalid_field(str(error), pointer="#/phone") from None
    code = await command(call.services, call.caller, account_id, RequestPairingCode(phone=phone[1:]))
    return Reply(code)
