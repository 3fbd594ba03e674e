"""`wasup tree`: the live tree in a terminal."""

from typing import Any

import httpx
import trio
from rich.console import Console
from rich.live import Live
from rich.tree import Tree

from wasup.cli.bootstrap import ADMIN_KEY
from wasup.cli.local import read_key, read_system
from wasup.settings import Settings

__all__ = ["show_tree"]

_COLOURS = {"running": "green", "starting": "yellow", "restarting": "yellow", "backoff": "yellow", "stopping": "yellow"}
_CHILDREN_SHOWN = 40


async def show_tree(settings: Settings, url: str | None, key: str | None, watch: bool, unhealthy: bool) -> None:
    """Draw the tree once, or again and again."""
    system = read_system(settings.data_dir)
    url = url or (system.url if system is not None else f"http://{settings.http.host}:{settings.http.port}")
    key = key or read_key(settings.data_dir, ADMIN_KEY)
    if key is None:
        raise SystemExit("wasup: no admin key: give --key, or run this beside a quickstart's data folder (--data-dir)")
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10, trust_env=False) as client:
        if not watch:
            Console().print(_draw(await _fetch(client, unhealthy=unhealthy)))
            return
        with Live(auto_refresh=False, screen=False) as live:
            while True:
                live.update(_draw(await _fetch(client, unhealthy=unhealthy)), refresh=True)
                await trio.sleep(1)


async def _fetch(client: httpx.AsyncClient, *, unhealthy: bool) -> dict[str, Any]:
    try:
        response = await client.get("/api/actors", params={"unhealthy": "true"} if unhealthy else {})
    except httpx.HTTPError as error:
        raise SystemExit(f"wasup: {client.base_url} does not answer: {str(error) or type(error).__name__}") from None
    if response.status_code != 200:
        raise SystemExit(f"wasup: {client.base_url} answered {response.status_code}: {response.text[:200]}")
    node: dict[str, Any] = response.json()
    return node


def _draw(node: dict[str, Any]) -> Tree:
    tree = Tree(_label(node))
    _grow(tree, node)
    return tree


def _grow(tree: Tree, node: dict[str, Any]) -> None:
    children = node.get("children") or []
    for child in children[:_CHILDREN_SHOWN]:
        _grow(tree.add(_label(child)), child)
    if len(children) > _CHILDREN_SHOWN:
        tree.add(f"[dim]… and {len(children) - _CHILDREN_SHOWN} more[/dim]")


def _label(node: dict[str, Any]) -> str:
    colour = _COLOURS.get(node["state"], "red")
    text = f"[bold]{node['id']}[/bold] [{colour}]{node['state']}[/{colour}]"
    if node.get("restarts"):
        text += f" [yellow]restarts {node['restarts']}[/yellow]"
    mailbox = node.get("mailbox")
    if mailbox:
        text += f" [dim]mail {mailbox['depth']} handled {mailbox['handled']}[/dim]"
    exits = node.get("last_exits")
    if exits and node["state"] != "running":
        text += f" [red]{exits[-1]['reason']}[/red]"
    return text
