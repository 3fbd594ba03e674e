"""Transitions and QR codes of many accounts: folded to one row for each account, every step in the history."""

from collections.abc import Sequence

from sqlalchemy import Connection

from wasup.db.driver import Driver, Row
from wasup.db.journal import Journal
from wasup.db.tables import PREVIEW
from wasup.ports.accounts import AccountStatus
from wasup.ports.events import AccountQr, AccountStatusChanged
from wasup.ports.store import IncomingBatch, QrOffer, StatusChange

__all__ = ["StatusWriter"]

_STATUS = ("status", "status_reason", "status_detail", "status_since", "suspended_until")
_HISTORY = ("whatsapp_account_id", "old", "new", "reason", "detail", "at")


class StatusWriter:
    """Collects the status changes of one transaction and writes them at its end."""

    def __init__(self, connection: Connection, driver: Driver, batches: Sequence[IncomingBatch], *, now: int) -> None:
        self._driver = driver
        self._now = driver.time(now)
        self._status: dict[int, Row] = {}
        self._connected: dict[int, int] = {}
        self._synchronised: dict[int, int] = {}
        self._qr: dict[int, Row] = {}
        self._history: list[Row] = []
        ids = [b.fence.account_id for b in batches if any(isinstance(item, StatusChange) for item in b.items)]
        found = driver.select_in(connection, "SELECT id, phone_number FROM whatsapp_accounts WHERE id IN ", ids)
        self._phones: dict[int, str | None] = {row[0]: row[1] for row in found}

    def changed(self, batch: IncomingBatch, change: StatusChange, journal: Journal) -> None:
        """Take note of a transition, and tell of it."""
        step = change.transition
        account_id = batch.fence.account_id
        time = self._driver.time
        detail = step.detail[:PREVIEW]
        self._status[account_id] = (
            step.new.value,
            step.reason.value,
            detail,
            time(step.at),
            time(change.suspended_until),
        )
        self._history.append((account_id, step.old.value, step.new.value, step.reason.value, detail, time(step.at)))
        if step.new is AccountStatus.CONNECTED:
            self._connected[account_id] = step.at
        if step.new is not AccountStatus.QR_SCANNING:
            self._qr[account_id] = (None, None)
        journal.add(
            account_id,
            batch.workspace_id,
            lambda seq: AccountStatusChanged(
                workspace_id=batch.workspace_id,
                whatsapp_account_id=account_id,
                provider_type=batch.provider_type,
                account_seq=seq,
                status=step.new.value,
                previous=step.old.value,
                reason=step.reason.value,
                detail=detail,
                phone_number=self._phones.get(account_id),
                timestamp=step.at,
            ),
        )

    def synchronised(self, account_id: int, at: int) -> None:
        """Take note that the first synchronisation is stored."""
        self._synchronised[account_id] = at

    def offered(self, batch: IncomingBatch, offer: QrOffer, journal: Journal) -> None:
        """Take note of a QR code, and tell of it."""
        account_id = batch.fence.account_id
        self._qr[account_id] = (offer.code, self._driver.time(offer.expires_at))
        journal.add(
            account_id,
            batch.workspace_id,
            lambda seq: AccountQr(
                workspace_id=batch.workspace_id,
                whatsapp_account_id=account_id,
                provider_type=batch.provider_type,
                account_seq=seq,
                qr_code=offer.code,
                attempt=offer.attempt,
                expires_at=offer.expires_at,
            ),
        )

    def write(self, connection: Connection) -> None:
        """Write the accounts' rows and the history."""
        self._update(connection, _STATUS, self._status)
        self._update(connection, ("qr_code", "qr_expires_at"), self._qr)
        time = self._driver.time
        self._update(connection, ("last_connected_at",), {id_: (time(at),) for id_, at in self._connected.items()})
        self._update(connection, ("synchronised_at",), {id_: (time(at),) for id_, at in self._synchronised.items()})
        self._driver.insert(connection, "account_transitions", _HISTORY, self._history)

    def _update(self, connection: Connection, columns: Sequence[str], values: dict[int, Row]) -> None:
        self._driver.update(
            connection,
            "whatsapp_accounts",
            keys=("id",),
            sets=dict.fromkeys((*columns, "updated_at"), ":"),
            rows=[(*row, self._now, account_id) for account_id, row in sorted(values.items())],
        )
