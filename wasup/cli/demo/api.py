"""What the demo does through wasup's HTTP API, as any customer's program would."""

from types import TracebackType
from typing import Any, Self

import httpx
import trio

__all__ = ["Api", "ApiError"]

_PAGE = 200


class ApiError(Exception):
    """The API refused something that the demo needs."""


class Api:
    """A small client; an async context manager."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
            limits=httpx.Limits(max_connections=20),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, *, tries: int = 30, **options: Any) -> Any:
        """Make a request; one that is not answered, or put off (429, 503), is made again.

        Raises:
            ApiError: any other answer than 2xx, or none at all.
        """
        problem = ""
        for _ in range(tries):
            try:
                response = await self._http.request(method, path, **options)
            except httpx.TransportError as error:  # wasup is being restarted
                problem, wait = repr(error), 0.5
            else:
                if response.is_success:
                    return response.json() if response.content else None
                problem = f"{response.status_code} {response.text[:300]}"
                if response.status_code not in {429, 503}:
                    break
                wait = float(response.headers.get("Retry-After", "0.5"))
            await trio.sleep(min(wait, 2.0))
        raise ApiError(f"{method} {path}: {problem}")

    async def create_account(self, name: str, provider_type: str = "emulated") -> int:
        """A new account."""
        account = await self.call("POST", "/api/accounts", json={"provider_type": provider_type, "name": name})
        account_id: int = account["id"]
        return account_id

    async def connect(self, account_id: int) -> None:
        """Ask for the account to be connected."""
        await self.call("POST", f"/api/accounts/{account_id}/connect")

    async def account(self, account_id: int) -> Any:
        """The account as it is now."""
        return await self.call("GET", f"/api/accounts/{account_id}")

    async def accounts(self) -> dict[int, Any]:
        """All accounts by id."""
        return {account["id"]: account async for account in self._pages("/api/accounts")}

    async def qr(self, account_id: int) -> str | None:
        """The QR code on offer, if there is one by now."""
        try:
            response = await self._http.get(f"/api/accounts/{account_id}/qr", params={"format": "text"})
        except httpx.TransportError:
            return None
        return response.text.strip() if response.status_code == 200 else None

    async def send(self, account_id: int, to: str, body: str, key: str) -> str:
        """Queue a text; the WhatsApp message id that it has."""
        message = await self.call(
            "POST",
            "/api/messages",
            json={"account_id": account_id, "to": to, "type": "text", "text": {"body": body}},
            headers={"Idempotency-Key": key},
        )
        message_id: str = message["message_id"]
        return message_id

    async def messages(self, account_id: int) -> list[Any]:
        """All stored messages of an account."""
        return [message async for message in self._pages("/api/messages", account_id=account_id)]

    async def _pages(self, path: str, **query: Any) -> Any:
        cursor: str | None = None
        while True:
            params = {**query, "limit": _PAGE} | ({"cursor": cursor} if cursor is not None else {})
            page = await self.call("GET", path, params=params)
            for row in page["data"]:
                yield row
            cursor = page.get("next_cursor")
            if cursor is None:
                return
