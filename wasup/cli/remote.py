"""The API of a running instance, for commands that ask it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from wasup.cli.bootstrap import ADMIN_KEY
from wasup.cli.local import read_key, read_system
from wasup.settings import Settings

__all__ = ["Api", "open_api"]


class Api:
    """Calls to the API; what goes wrong ends the command with one line."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(self, method: str, path: str, **query: str) -> Any:
        """The answer's JSON; None for an empty one."""
        try:
            answer = await self._client.request(method, path, params=query)
        except httpx.HTTPError as error:
            url = self._client.base_url
            raise SystemExit(f"wasup: {url} does not answer: {str(error) or type(error).__name__}") from None
        if not answer.is_success:
            raise SystemExit(f"wasup: {self._client.base_url} answered {answer.status_code}: {_words(answer)}")
        return answer.json() if answer.content else None


def _words(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


@asynccontextmanager
async def open_api(settings: Settings, url: str | None, key: str | None) -> AsyncIterator[Api]:
    """The API at this address with this admin key; what is not given is found in the data folder.

    Raises:
        SystemExit: there is no key.
    """
    system = read_system(settings.data_dir)
    url = url or (system.url if system is not None else f"http://{settings.http.host}:{settings.http.port}")
    key = key or read_key(settings.data_dir, ADMIN_KEY)
    if key is None:
        raise SystemExit("wasup: no admin key: give --key, or run this beside a quickstart's data folder (--data-dir)")
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10, trust_env=False) as client:
        yield Api(client)
