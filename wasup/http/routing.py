"""Which route a request is for, found out once for each address.

Werkzeug's search leaves eight objects behind that refer to each other in a circle. They are little, but they are all
that requests leave to the garbage collector, which walks what thousands of sessions have made meanwhile, for tenths of
a second, whenever it comes. Programs ask for the same addresses again and again.
"""

from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Final

from quart.routing import QuartMap
from quart_trio import QuartTrio
from werkzeug.routing import Rule
from werkzeug.routing.matcher import StateMachineMatcher

__all__ = ["RoutingApp"]

_REMEMBERED: Final = 20_000
_LONG: Final = 200  # characters of an address that is not remembered


class _Matcher(StateMachineMatcher):
    """Remembers what it has found; that there is nothing is found out each time."""

    def __init__(self, merge_slashes: bool) -> None:  # noqa: FBT001 - werkzeug's
        super().__init__(merge_slashes)
        self._found = lru_cache(_REMEMBERED)(super().match)

    def add(self, rule: Rule) -> None:
        """Add a route."""
        self._found.cache_clear()
        super().add(rule)

    def match(
        self,
        domain: str,
        path: str,
        method: str,
        websocket: bool,  # noqa: FBT001 - werkzeug's
    ) -> tuple[Rule, MutableMapping[str, Any]]:
        """Find the route."""
        search = self._found if len(path) <= _LONG else super().match
        rule, values = search(domain, path, method, websocket)
        return rule, dict(values)  # which is the caller's own


class _Map(QuartMap):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._matcher = _Matcher(self.merge_slashes)


class RoutingApp(QuartTrio):
    """An application that knows its frequent callers' ways."""

    url_map_class = _Map
