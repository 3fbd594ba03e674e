"""How an address leads to its route."""

import gc

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, Rule

from wasup.http.routing import RoutingApp


@pytest.fixture
def ways() -> MapAdapter:
    """A few routes."""
    app = RoutingApp("test", static_folder=None)
    for path, methods in (("/a/<int:id>", ["GET"]), ("/a/<int:id>/b", ["GET", "POST"]), ("/c/<path:rest>", ["GET"])):
        app.url_map.add(Rule(path, endpoint=path, methods=methods))
    return app.url_map.bind("host")


def test_the_same_address_leads_the_same_way(ways: MapAdapter) -> None:
    """The second time as well; what is found is the caller's own."""
    for _ in range(3):
        endpoint, values = ways.match("/a/7", "GET")
        assert (endpoint, values) == ("/a/<int:id>", {"id": 7})
        assert isinstance(values, dict)
        values.clear()
        assert ways.match("/a/8/b", "POST") == ("/a/<int:id>/b", {"id": 8})
    for _ in range(2):
        with pytest.raises(NotFound):
            ways.match("/nowhere", "GET")
        with pytest.raises(MethodNotAllowed) as refused:
            ways.match("/a/7", "POST")
        assert set(refused.value.valid_methods or ()) == {"GET", "HEAD"}


def test_a_route_that_is_added_is_found(ways: MapAdapter) -> None:
    """Also where another one was found before."""
    assert ways.match("/c/x", "GET")[0] == "/c/<path:rest>"
    ways.map.add(Rule("/c/x", endpoint="x", methods=["GET"]))
    assert ways.match("/c/x", "GET")[0] == "x"


def test_an_address_that_is_known_leaves_no_garbage(ways: MapAdapter) -> None:
    """One that is too long to be remembered does."""
    long = "/c/" + "x" * 500
    ways.match("/a/7", "GET")
    ways.match(long, "GET")
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            ways.match("/a/7", "GET")
        assert gc.collect() == 0
        for _ in range(100):
            assert ways.match(long, "GET")[1] == {"rest": "x" * 500}
        assert gc.collect() > 100
    finally:
        gc.enable()
