"""The old service's sessions are our accounts, called by the session ids that the back end gave them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import trio

from wasup.actors.messages import AccountState, Connect, Disconnect, GetQr, GetState, Logout, Qr, Refusal, Refused
from wasup.http.legacy.requests import LegacyCall, LegacyError
from wasup.ports.accounts import Account, AccountStatus, Desired
from wasup.ports.resources import AccountFilter
from wasup.supervisor import Request
from wasup.webhooks.legacy import qr_image

__all__ = ["Answer", "adopted", "known_session", "legacy_status"]

Answer = dict[str, Any]

_S = AccountStatus
# The back end stores this in a column that takes nothing else.
_STATUSES: Final[Mapping[AccountStatus, str]] = {
    _S.STARTING: "qr_scanning",
    _S.QR_SCANNING: "qr_scanning",
    _S.AUTHENTICATED: "authenticated",
    _S.CONNECTED: "connected",
    _S.RECONNECTING: "disconnected",
    _S.DISCONNECTING: "disconnected",
    _S.DISCONNECTED: "disconnected",
    _S.NEEDS_PAIRING: "disconnected",
    _S.SUSPENDED: "failed",
    _S.BANNED: "failed",
    _S.FAILED: "failed",
}
_CONNECT_PATIENCE: Final = 7.0  # the back end gives up after 10 s
_CLOSE_PATIENCE: Final = 15.0
_QR_PATIENCE: Final = 8.0
_QR_LIFE: Final = 300  # what the old service said
_REFUSED: Final[Mapping[Refusal, int]] = {
    Refusal.WRONG_STATE: 409,
    Refusal.AT_CAPACITY: 503,
    Refusal.RATE_LIMITED: 429,
    Refusal.UNAVAILABLE: 503,
    Refusal.UNKNOWN: 404,
}
_LISTED: Final = 10_000


def legacy_status(status: AccountStatus) -> str:
    """One of the five statuses that the back end knows."""
    return _STATUSES[status]


async def known_session(call: LegacyCall, session_id: str) -> Account:
    """The account of a session, if the caller may know of it.

    Raises:
        LegacyError: 404.
    """
    account = await _find(call, session_id)
    if account is None:
        raise LegacyError(404, "Session not found")
    return account


async def _find(call: LegacyCall, session_id: str) -> Account | None:
    workspace_id = call.number("workspace_id")
    own = call.caller.workspace_id
    if own is not None and workspace_id not in {None, own}:
        return None
    return await call.services.upkeep.account_of_session(session_id, workspace_id=own or workspace_id)


async def adopted(call: LegacyCall, session_id: str) -> Account:
    """The account of a session, made if there is none.

    Raises:
        LegacyError: 400 or 404.
    """
    workspace_id = call.number("workspace_id")
    if workspace_id is None:
        raise LegacyError(400, "Missing required fields", {"required": ["workspace_id", "account_id", "session_id"]})
    if call.caller.workspace_id not in {None, workspace_id}:
        raise LegacyError(404, "Session not found")
    services = call.services
    known, settings = services.provider_types, services.settings
    account = await services.upkeep.adopt_account(
        session_id,
        workspace_id=workspace_id,
        account_id=call.number("account_id"),
        provider_type=settings.legacy_provider or ("webjs" if "webjs" in known else known[0]),
    )
    if settings.legacy_url and settings.legacy_secret:  # before it is connected: the back end is to hear of that
        made = await services.outbox.give_legacy_endpoints(url=settings.legacy_url, secret=settings.legacy_secret)
        if made:
            services.webhooks.changed()
    return account


async def create_session(call: LegacyCall) -> Answer:
    """Answers at once, long before there is a QR code: that comes by webhook."""
    call.require("workspace_id", "session_id")
    session_id = call.text("session_id", limit=191)
    if session_id is None:
        raise LegacyError(400, "Invalid session id")
    return await _connected(call, await adopted(call, session_id), session_id)


async def _connected(call: LegacyCall, account: Account, session_id: str) -> Answer:
    try:
        state = await _told(call, account, Connect(), _CONNECT_PATIENCE)
    except trio.TooSlowError:  # it will come up, or the status tells why not
        return {"success": True, "session_id": session_id, "status": "qr_scanning"}
    status = legacy_status(state.status)
    return {"success": True, "session_id": session_id, "status": "qr_scanning" if status == "disconnected" else status}


async def _told(
    call: LegacyCall, account: Account, request: Request[AccountState | Refused], timeout: float
) -> AccountState:
    answer = await call.services.directory.ask(account.id, request, timeout=timeout)
    if isinstance(answer, Refused):
        wait = answer.retry_after
        headers = {} if wait is None else {"Retry-After": str(max(1, round(wait)))}
        words = answer.detail if answer.refusal is not Refusal.UNAVAILABLE else "The account takes no commands now"
        raise LegacyError(_REFUSED.get(answer.refusal, 400), words, headers=headers)
    return answer


async def list_sessions(call: LegacyCall) -> Answer:
    """All sessions that the key reaches."""
    which = AccountFilter(workspace_id=call.caller.workspace_id or call.number("workspace_id"))
    rows = await call.services.upkeep.find_accounts(which, limit=_LISTED)
    sessions = [
        {
            "session_id": row.session_id,
            "workspace_id": row.workspace_id,
            "status": legacy_status(row.status),
            "phone_number": phone_digits(row),
            "connected_at": iso_time(row.last_connected_at),
        }
        for row in rows
    ]
    return {"success": True, "sessions": sessions, "total": len(sessions)}


async def session_status(call: LegacyCall, session_id: str) -> Answer:
    """What the back end polls."""
    account = await known_session(call, session_id)
    answer: Answer = {
        "session_id": session_id,
        "status": legacy_status(account.status),
        "phone_number": phone_digits(account),
        "workspace_id": account.workspace_id,
        "last_activity": iso_time(account.last_activity_at or account.updated_at),
    }
    if account.last_connected_at is not None:
        answer["connected_at"] = iso_time(account.last_connected_at)
    return answer


async def session_metadata(call: LegacyCall, session_id: str) -> Answer:
    """What is known of a session, in the old spelling."""
    account = await known_session(call, session_id)
    metadata = {
        "workspaceId": account.workspace_id,
        "accountId": account.id,
        "status": legacy_status(account.status),
        "createdAt": iso_time(account.created_at),
        "phoneNumber": phone_digits(account),
        "lastActivity": iso_time(account.last_activity_at),
        "connectedAt": iso_time(account.last_connected_at),
        "lastDisconnectReason": account.status_reason,
    }
    return {"success": True, "session_id": session_id, "metadata": metadata}


async def update_metadata(call: LegacyCall, session_id: str) -> Answer:
    """Nothing of it can be set from outside any more; the answer shows what is so."""
    if not isinstance(call.given.get("updates"), dict):
        raise LegacyError(400, "Invalid updates object")
    return await session_metadata(call, session_id)


async def delete_session(call: LegacyCall, session_id: str) -> Answer:
    """Ends the session and keeps its login, as the old service did; an unknown one is as good as ended."""
    account = await _find(call, session_id)
    if account is None or account.desired is Desired.DISCONNECTED:
        return {"success": True, "message": "Session was already disconnected", "alreadyDisconnected": True}
    await _told(call, account, Disconnect(), _CLOSE_PATIENCE)
    return {"success": True, "message": "Session disconnected successfully"}


async def reconnect_session(call: LegacyCall, session_id: str) -> Answer:
    """Ends the session and begins it again; one that is not known is made."""
    account = await _find(call, session_id) or await adopted(call, session_id)
    await _told(call, account, Disconnect(), _CLOSE_PATIENCE)
    return await _connected(call, account, session_id)


async def regenerate_qr(call: LegacyCall, session_id: str) -> Answer:
    """Offers fresh QR codes; the first is in the answer if it comes soon, and comes by webhook in any case."""
    account = await _find(call, session_id) or await adopted(call, session_id)
    # The actor is asked, not the row, which follows a moment later.
    state = await call.services.directory.ask(account.id, GetState(), timeout=_CONNECT_PATIENCE)
    status = account.status if isinstance(state, Refused) else state.status
    if status is _S.CONNECTED:
        raise LegacyError(400, "Session is already connected")
    if status not in {_S.STARTING, _S.QR_SCANNING}:
        await _told(call, account, Disconnect(), _CLOSE_PATIENCE)
        await _connected(call, account, session_id)
    answer: Answer = {"success": True, "expires_in": _QR_LIFE}
    with trio.move_on_after(_QR_PATIENCE):
        while True:
            qr = await call.services.directory.ask(account.id, GetQr(), timeout=_QR_PATIENCE)
            if isinstance(qr, Qr):
                return {**answer, "qr_code": await trio.to_thread.run_sync(qr_image, qr.code)}
            await trio.sleep(0.2)
    return answer


async def logout_session(call: LegacyCall, session_id: str) -> Answer:
    """Unlinks the phone."""
    account = await known_session(call, session_id)
    await _told(call, account, Logout(), _CLOSE_PATIENCE)
    return {"success": True, "message": "Session logged out"}


async def last_activity(call: LegacyCall, session_id: str) -> Answer:
    """When the phone was last used. The old service forgot that after a minute; here it is never known.

    It asks for no key, as it did, and so it must not tell anything.
    """
    del call
    data = {
        "session_id": session_id,
        "last_activity": None,
        "device_type": None,
        "seconds_since_activity": None,
        "message_count": 0,
    }
    return {"success": True, "data": data}


def phone_digits(account: Account) -> str | None:
    """The account's own number without its plus."""
    return account.phone_number.removeprefix("+") if account.phone_number else None


def iso_time(ms: int | None) -> str | None:
    """A time as JavaScript writes it."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
