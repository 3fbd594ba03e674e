"""`wasup serve` and `wasup migrate`."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from wasup.app import Running, run_instance
from wasup.db import SchemaOutdated, migrate
from wasup.logs import configure_logs
from wasup.ports.store import StoreError
from wasup.settings import Settings
from wasup.supervisor import StartFailed, SupervisorGaveUp

__all__ = ["migrate_database", "run_or_explain", "serve_until_stopped"]


def serve_until_stopped(settings: Settings) -> None:
    """Run an instance; exits with 1 and a sentence when it cannot start, or gives up."""
    configure_logs()
    prepare_folder(settings)

    async def ready(running: Running) -> None:
        print(f"wasup serves {running.url} (API docs: {running.url}/docs)", flush=True)

    async def serve() -> None:
        await run_instance(settings, on_ready=ready)

    run_or_explain(serve)


def run_or_explain(main: Callable[[], Awaitable[None]]) -> None:
    """Run a Trio main function; what a user can mend becomes one line on standard error and exit status 1."""
    try:
        trio.run(main)
    except (StartFailed, SupervisorGaveUp) as error:
        print(f"wasup: {_explain(error)}", file=sys.stderr)
        raise SystemExit(1) from None
    except BaseExceptionGroup as group:
        ours, _ = group.split((StartFailed, SupervisorGaveUp))
        if ours is None:
            raise
        print(f"wasup: {_explain(ours)}", file=sys.stderr)
        raise SystemExit(1) from None


def _explain(error: BaseException) -> str:
    """The innermost cause that is meant for people, else the error itself."""
    if isinstance(error, BaseExceptionGroup):
        return _explain(error.exceptions[0])
    if isinstance(error, StoreError | SchemaOutdated | OSError):
        return str(error)
    if isinstance(error, StartFailed | SupervisorGaveUp) and error.reason.exception is not None:
        return _explain(error.reason.exception)
    return str(error) or repr(error)


def migrate_database(settings: Settings) -> None:
    """Bring the schema up to date and say so."""
    prepare_folder(settings)
    try:
        trio.run(migrate, settings.database_url)
    except StoreError as error:
        print(f"wasup: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print("The database is up to date.")


def prepare_folder(settings: Settings) -> None:
    """Make the data folder, readable by its owner alone, and the folder of an embedded database."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.database_url.startswith("sqlite:///"):
        Path(settings.database_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
