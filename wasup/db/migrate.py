"""Bringing a database's schema up to date, and telling whether it is."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from wasup.bridge import Bridge
from wasup.db.engine import Engine
from wasup.ports.store import StoreError

__all__ = ["SchemaOutdated", "migrate", "missing_revision", "newest_revision"]

_FOLDER = Path(__file__).parent.parent / "migrations"


class SchemaOutdated(StoreError):  # noqa: N818
    """The database's schema is not the one that this version of wasup works with."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


@cache
def newest_revision() -> str:
    """The revision that this version of wasup works with."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def missing_revision(connection: Connection) -> str | None:
    """What is wrong with the schema's version, in words; None if it is current."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found == newest_revision():
        return None
    if found is None:
        return "the database has no wasup schema yet: run `wasup migrate`"
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found in known:
        return f"the database's schema is at revision {found}, wasup needs {newest_revision()}: run `wasup migrate`"
    newest = newest_revision()
    return f"the database's schema (revision {found}) is newer than this wasup, which knows {newest}: upgrade wasup"


def _upgrade(connection: Connection) -> tuple[str | None, str]:
    before = MigrationContext.configure(connection).get_current_revision()
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, newest_revision()


async def migrate(url: str, bridge: Bridge | None = None) -> tuple[str | None, str]:
    """Migrate a database to what this version needs; returns the revisions before and after.

    Safe to repeat. MySQL commits after every DDL statement: what was interrupted goes on from its revision.

    Raises:
        DatabaseUnavailable: there is no answer.
    """
    if bridge is None:
        async with Bridge() as own:
            return await migrate(url, own)
    engine = Engine(url, bridge, pool_size=1)
    if engine.driver.kind == "sqlite" and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        await engine.open()
        return await engine.run(_upgrade)
    finally:
        await engine.close()
