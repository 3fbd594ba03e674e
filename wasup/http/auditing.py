"""The log of changes: who changed what through the API, by its own routes or the old service's."""

import structlog
from quart import g, request

from wasup.http.services import Services
from wasup.ports.resources import AuditEntry
from wasup.ports.store import StoreError

__all__ = ["record_change"]

_log = structlog.get_logger(__name__)


async def record_change(services: Services, action: str, *, workspace_id: int | None, key_id: int, status: int) -> None:
    """Note a change that this request has made. A database that is away since then does not undo it.

    Args:
        services: with the store of the log.
        action: name of the operation.
        workspace_id: whose thing was changed, as far as that is known.
        key_id: the key that was used; 0 for the old service's.
        status: of the answer.
    """
    entry = AuditEntry(
        id=0,
        at=services.clock.now_ms(),
        workspace_id=workspace_id,
        key_id=key_id,
        action=action,
        path=request.path,
        status=status,
        address=g.address,
        request_id=g.request_id,
    )
    _log.info("api.change", action=entry.action, path=entry.path, key_id=entry.key_id, request_id=entry.request_id)
    try:
        await services.audit.record(entry)
    except StoreError as error:
        _log.error("audit.not_stored", action=entry.action, request_id=entry.request_id, error=type(error).__name__)
