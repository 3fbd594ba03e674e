"""The log of changes, settings that change at run time, and where received media lies."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from wasup.db.engine import Engine, execute
from wasup.db.messages import MESSAGES
from wasup.db.tables import settings
from wasup.db.tables_api import audit_log, message_media
from wasup.ports.clock import Clock
from wasup.ports.resources import AuditEntry, MessageMedia
from wasup.ports.store import StoredMessage

__all__ = ["SqlAuditStore", "SqlMessageMediaStore", "SqlSettingStore"]

_AUDIT = [audit_log.c[name] for name in AuditEntry.__struct_fields__]
_MEDIA = [message_media.c[name] for name in MessageMedia.__struct_fields__]


class SqlAuditStore:
    """Implements `wasup.ports.resources.AuditStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def record(self, entry: AuditEntry) -> None:
        """See the port."""
        statement = insert(audit_log).values(
            at=entry.at,
            workspace_id=entry.workspace_id,
            key_id=entry.key_id,
            action=entry.action[:64],
            path=entry.path[:255],
            status=entry.status,
            address=entry.address[:64],
            request_id=entry.request_id[:64],
        )
        await self._engine.run(lambda connection: execute(connection, statement))

    async def entries(
        self, *, workspace_id: int | None, before_id: int | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """See the port."""
        query = select(*_AUDIT).order_by(audit_log.c.id.desc()).limit(limit)
        if workspace_id is not None:
            query = query.where(audit_log.c.workspace_id == workspace_id)
        if before_id is not None:
            query = query.where(audit_log.c.id < before_id)
        return await self._engine.run(
            lambda connection: [AuditEntry(**row) for row in connection.execute(query).mappings()], mode="read"
        )


class SqlSettingStore:
    """Implements `wasup.ports.resources.SettingStore`. Other parts keep names of their own in the same table."""

    _PREFIX = "api."

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def read_settings(self) -> dict[str, str]:
        """See the port."""
        query = select(settings.c.name, settings.c.value).where(settings.c.name.like(f"{self._PREFIX}%"))
        return await self._engine.run(
            lambda connection: {name.removeprefix(self._PREFIX): value for name, value in connection.execute(query)},
            mode="read",
        )

    async def write_settings(self, changes: Mapping[str, str | None]) -> None:
        """See the port."""
        now = self._clock.now_ms()

        def work(connection: Connection) -> None:
            for name, value in sorted(changes.items()):
                stored = self._PREFIX + name
                connection.execute(delete(settings).where(settings.c.name == stored))
                if value is not None:
                    connection.execute(insert(settings).values(name=stored, value=value, updated_at=now))

        await self._engine.run(work)


class SqlMessageMediaStore:
    """Implements `wasup.ports.resources.MessageMediaStore`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def message_called(self, account_id: int, message_id: str) -> StoredMessage | None:
        """See the port."""
        driver = self._engine.driver
        tail = "WHERE messages.message_id=? AND messages.whatsapp_account_id=? ORDER BY messages.from_me DESC LIMIT 1"
        found = await self._engine.run(lambda c: MESSAGES.query(driver, c, tail, (message_id, account_id)), mode="read")
        return found[0] if found else None

    async def media_of(self, message_row_id: int) -> MessageMedia | None:
        """See the port."""
        query = select(*_MEDIA).where(message_media.c.message_row_id == message_row_id)

        def work(connection: Connection) -> MessageMedia | None:
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else MessageMedia(**row)

        return await self._engine.run(work, mode="read")

    async def remember_media(self, media: MessageMedia) -> None:
        """See the port."""
        now = self._clock.now_ms()

        def work(connection: Connection) -> None:
            connection.execute(delete(message_media).where(message_media.c.message_row_id == media.message_row_id))
            connection.execute(
                insert(message_media).values(
                    message_row_id=media.message_row_id,
                    digest=media.digest,
                    mime=media.mime[:127],
                    size=media.size,
                    created_at=now,
                )
            )

        await self._engine.run(work)
