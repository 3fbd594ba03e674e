"""Requests and answers of the old routes: loose in what they take, `{"error": …}` when something is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wasup.http.auth import Principal
from wasup.http.running import RunSettings
from wasup.http.services import Services

__all__ = ["LegacyCall", "LegacyError"]

_MOST: Final = 2**63 - 1


@dataclass(slots=True)
class LegacyError(Exception):
    """An answer other than the one hoped for. Not a 5xx for a send that may have happened: that is repeated."""

    status: int
    error: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyCall:
    """One request, its key checked.

    Attributes:
        given: the fields of body and query string; unknown ones are left alone.
    """

    services: Services
    running: RunSettings
    caller: Principal
    given: Mapping[str, Any]

    def text(self, name: str, *, limit: int = 65_536) -> str | None:
        """A field that is a text; None if it is missing, empty or something else."""
        value = self.given.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return value if isinstance(value, str) and 0 < len(value) <= limit else None

    def number(self, name: str) -> int | None:
        """A field that is a positive number, or digits; None if it is missing or something else."""
        value = self.given.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST else None

    def require(self, *names: str) -> None:
        """Make sure that fields are there.

        Raises:
            LegacyError: 400.
        """
        if any(self.given.get(name) in {None, ""} for name in names if not isinstance(self.given.get(name), list)):
            raise LegacyError(400, "Missing required fields", {"required": list(names)})
