"""What the drivers say, in the words of the storage ports."""

import asyncio
from typing import Final

from sqlalchemy import exc

from wasup.ports.store import DatabaseUnavailable, StoreError

__all__ = ["is_disconnect", "is_retryable", "translate"]

_RETRY: Final = frozenset({1213, 1205, 3572})  # deadlock; lock wait timeout; NOWAIT refused

# Codes of MySQL and MariaDB that mean "not now": nothing is wrong with what was asked for.
_UNAVAILABLE: Final = frozenset({
    3, 28, 1021, 1030, 1114,  # disk full, in the words of several layers
    1040, 1129, 1203, 1226,  # too many connections, host blocked
    1053, 1077, 1079, 1927, 1317, 3168,  # shutting down, connection or query killed
    1290, 1792, 1836, 3100,  # read-only: a fail-over is under way
    1969, 3024,  # statement timed out
    1044, 1045, 1049, 1054, 1142, 1143, 1146, 1227,  # not the schema or the rights that we need: somebody works on it
    2002, 2003, 2006, 2013, 2014, 2055, 4031,  # connection refused or lost
})  # fmt: skip
_SQLITE_UNAVAILABLE: Final = (
    "database is locked",
    "database or disk is full",
    "disk i/o error",
    "attempt to write a readonly database",
    "unable to open database file",
    "no active connection",
    "no such table",
    "no such column",
    "connection closed",
)


def _code(error: exc.DBAPIError) -> int | None:
    args = getattr(error.orig, "args", ())
    return args[0] if args and isinstance(args[0], int) else None


def is_retryable(error: BaseException) -> bool:
    """Whether the same transaction may well succeed at once: a deadlock or a lock wait that timed out."""
    if not isinstance(error, exc.DBAPIError):
        return False
    return _code(error) in _RETRY or "database is locked" in str(error.orig).lower()


def is_disconnect(error: BaseException) -> bool:
    """Whether the connection is gone (which a fresh one may mend)."""
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or _code(error) in {2006, 2013, 2055, 4031, 1927, 1053}
    return isinstance(error, (ConnectionError, EOFError, asyncio.IncompleteReadError))


def translate(error: Exception) -> Exception:
    """The port's exception for what a driver raised; exceptions that are the port's already stay."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, exc.DBAPIError):
        words = str(error.orig)
        if (
            error.connection_invalidated
            or _code(error) in _UNAVAILABLE | _RETRY
            or any(sign in words.lower() for sign in _SQLITE_UNAVAILABLE)
        ):
            return DatabaseUnavailable(words)
        return StoreError(f"{type(error).__name__}: {words}")
    if isinstance(error, (exc.TimeoutError, TimeoutError, OSError, EOFError, exc.InvalidRequestError)):
        return DatabaseUnavailable(f"{type(error).__name__}: {error}")
    if isinstance(error, exc.SQLAlchemyError):
        return StoreError(f"{type(error).__name__}: {error}")
    return error
