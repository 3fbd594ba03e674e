"""An application over fakes, and a client that speaks to it without a socket."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from tests.http.fakes import World
from wasup.http import create_app


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    def problem(self, status: int) -> dict[str, Any]:
        """The body, checked to be problem details with this status."""
        assert self.status == status, self.body
        assert self.headers["Content-Type"] == "application/problem+json"
        problem: dict[str, Any] = self.json()
        assert problem["status"] == status
        assert problem["title"]
        assert problem["detail"]
        assert problem["request_id"] == self.headers["X-Request-Id"]
        return problem


class Client:
    """Sends requests with the world's workspace key, unless told otherwise."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._client = create_app(world.services).test_client(use_cookies=False)

    async def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = "",
        json: Any = None,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request; `key` None for none."""
        given = dict(headers or {})
        if key is not None:
            given.setdefault("Authorization", f"Bearer {key or self.world.key}")
        if json is not None:
            data = msgspec.json.encode(json)
            given.setdefault("Content-Type", "application/json")
        client: Any = self._client
        response = await client.open(path, method=method, data=data, headers=given)
        return Answer(response.status_code, response.headers, bytes(await response.get_data(as_text=False)))

    async def get(self, path: str, **more: Any) -> Answer:
        """GET."""
        return await self.send("GET", path, **more)

    async def post(self, path: str, json: Any = None, **more: Any) -> Answer:
        """POST."""
        return await self.send("POST", path, json=json, **more)

    async def account(self, key: str = "") -> int:
        """The id of a new account."""
        created = await self.post("/api/accounts", {}, key=key)
        assert created.status == 201, created.body
        account_id: int = created.json()["id"]
        return account_id


@pytest.fixture
def world() -> World:
    """Fresh fakes."""
    return World()


@pytest.fixture
def client(world: World) -> Client:
    """A client of an application over the fakes."""
    return Client(world)


@pytest.fixture
def client_of() -> Callable[[World], Client]:
    """Makes a client for a world with other settings."""
    return Client
