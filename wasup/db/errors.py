"""What the drivers say, in the words of the storage ports."""

import asyncio
from typing import Final

from sqlalchemy import exc

from wasup.ports.store import DatabaseUnavailable, DataRefused, StoreError

__all__ = ["is_disconnect", "is_retryable", "translate"]

_RETRY: Final = frozenset({1213, 1205, 3572})  # deadlock; lock wait timeout; NOWAIT refused

# What is wrong with the data itself, by the codes of MySQL and MariaDB where the driver's classes do not say so: no
# default, packet too large, bad character, CHECK, SIGNAL, bad JSON. Whatever else goes wrong has its cause elsewhere
# (disk, memory, rights, a fail-over, a schema that somebody works on), and the same data may well be taken later.
_DATA: Final = frozenset({1153, 1300, 1364, 1366, 1406, 1644, 3140, 3819, 4025})
_SQLITE_DATA: Final = ("too big", "binding parameter")


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


def _is_about_data(error: exc.DBAPIError, words: str) -> bool:
    return (
        isinstance(error, exc.DataError | exc.IntegrityError)
        or _code(error) in _DATA
        or any(sign in words for sign in _SQLITE_DATA)
    )


def translate(error: Exception) -> Exception:
    """The port's exception for what a driver raised; what is the port's already stays, and so do our own faults."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, exc.DBAPIError):
        words = str(error.orig)
        if not error.connection_invalidated and _is_about_data(error, words.lower()):
            return DataRefused(f"{type(error).__name__}: {words}")
        return DatabaseUnavailable(words)
    if isinstance(
        error, (exc.TimeoutError, TimeoutError, OSError, EOFError, exc.PendingRollbackError, exc.ResourceClosedError)
    ):
        return DatabaseUnavailable(f"{type(error).__name__}: {error}")
    cause = error.orig if isinstance(error, exc.StatementError) else error
    # Half a character, or a number that no column holds.
    if isinstance(cause, UnicodeError | OverflowError) or "64-bit range" in str(cause):
        return DataRefused(f"{type(cause).__name__}: {cause}")
    return error
