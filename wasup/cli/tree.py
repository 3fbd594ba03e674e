"""`wasup tree`: the live tree in a terminal."""

from typing import Any

import httpx
import trio
from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from wasup.cli.bootstrap import ADMIN_KEY
from wasup.cli.local import read_key, read_system
from wasup.settings import Settings

__all__ = ["draw_tree", "show_tree"]

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
            Console().print(draw_tree(await _fetch(client, unhealthy=unhealthy)))
            return
        with Live(auto_refresh=False, screen=False) as live:
            while True:
                live.update(draw_tree(await _fetch(client, unhealthy=unhealthy)), refresh=True)
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


def draw_tree(node: dict[str, Any]) -> Tree:
    """Return an answer of `/api/actors` as a tree for the terminal.

    A line has the id and the state; with what there is of: the time to the restart, the life (from the second on),
    the restarts, the mailbox, and of what is not running the reason of its last end.
    """
    tree = Tree(_label(node))
    _grow(tree, node)
    return tree


def _grow(tree: Tree, node: dict[str, Any]) -> None:
    children = node.get("children") or []
    for child in children[:_CHILDREN_SHOWN]:
        _grow(tree.add(_label(child)), child)
    more = len(children[_CHILDREN_SHOWN:]) + node.get("hidden_children", 0)
    if more:
        tree.add(Text(f"… and {more} more", "dim"))


def _label(node: dict[str, Any]) -> Text:
    """One line; `Text`, and not markup, since ids and reasons may hold brackets of their own."""
    state = node["state"]
    label = Text.assemble((node["id"], "bold"), " ", (state, _COLOURS.get(state, "red")))
    if node.get("backoff_seconds") is not None:
        label.append(f" for {node['backoff_seconds']:.0f} s", "yellow")
    if node["incarnation"] > 1:
        label.append(f" life {node['incarnation']}", "dim")
    if node["restarts"]:
        label.append(f" restarts {node['restarts']}", "yellow")
    mailbox = node.get("mailbox")
    if mailbox is not None:
        label.append(f" mail {mailbox['depth']}, at most {mailbox['high_water']}, handled {mailbox['handled']}", "dim")
        if mailbox["dropped"]:
            label.append(f", dropped {mailbox['dropped']}", "red")
    last = node.get("last_exit")
    if last is not None and state != "running":
        label.append(f" {last['reason']}", "red")
    return label
