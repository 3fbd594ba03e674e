"""The first things in a fresh database: a workspace, keys for it, and a webhook endpoint."""

import base64
import secrets
from pathlib import Path

from wasup.bridge import Bridge
from wasup.cli.local import read_key, write_key
from wasup.db import Database
from wasup.http import digest_key, new_key, visible_prefix
from wasup.ports.clock import SystemClock
from wasup.ports.store import Endpoint, KeyStore

__all__ = ["ADMIN_KEY", "API_KEY", "bootstrap"]

API_KEY, ADMIN_KEY = "api-key", "admin-key"


async def bootstrap(database_url: str, folder: Path, *, webhook_url: str) -> Endpoint:
    """Make what is missing: workspace 1, its key, an admin key, and its endpoint at `webhook_url`.

    The keys are kept in files of the data folder; the database has their hashes. What is there already stays.
    """
    async with Bridge() as bridge, Database.open(database_url, bridge, clock=SystemClock()) as database:
        workspaces = await database.keys.workspaces()
        workspace = workspaces[0] if workspaces else await database.keys.create_workspace("First workspace")
        await _ensure_key(database.keys, folder, API_KEY, workspace.id, ("read", "send", "manage"))
        await _ensure_key(database.keys, folder, ADMIN_KEY, None, ("admin",))
        for endpoint in await database.outbox.endpoints(workspace_id=workspace.id):
            if endpoint.url == webhook_url and endpoint.enabled:
                return endpoint
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        return await database.outbox.save_endpoint(workspace.id, url=webhook_url, secret=secret)


async def _ensure_key(
    keys: KeyStore, folder: Path, name: str, workspace_id: int | None, scopes: tuple[str, ...]
) -> None:
    kept = read_key(folder, name)
    if kept is not None and await keys.key(digest_key(kept)) is not None:
        return
    key = new_key()
    await keys.save_key(
        digest_key(key), prefix=visible_prefix(key), workspace_id=workspace_id, scopes=scopes, name=f"quickstart {name}"
    )
    write_key(folder, name, key)
