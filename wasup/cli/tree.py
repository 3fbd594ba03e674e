"""`wasup tree`: the live tree in a terminal."""

from typing import Any

import trio
from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from wasup.cli.remote import open_api
from wasup.settings import Settings

__all__ = ["draw_tree", "show_tree"]

_COLOURS = {"running": "green", "starting": "yellow", "restarting": "yellow", "backoff": "yellow", "stopping": "yellow"}
_CHILDREN_SHOWN = 40


async def show_tree(settings: Settings, url: str | None, key: str | None, watch: bool, unhealthy: bool) -> None:
    """Draw the tree once, or again and again."""
    query = {"unhealthy": "true"} if unhealthy else {}
    async with open_api(settings, url, key) as api:
        if not watch:
            Console().print(draw_tree(await api.call("GET", "/api/actors", **query)))
            return
        with Live(auto_refresh=False, screen=False) as live:
            while True:
                live.update(draw_tree(await api.call("GET", "/api/actors", **query)), refresh=True)
                await trio.sleep(1)


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
