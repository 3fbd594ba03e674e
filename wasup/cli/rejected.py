"""`wasup rejected`: look at what the database did not take, try it again, or let it go."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import trio
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wasup.cli.remote import Api, open_api
from wasup.settings import load_settings

__all__ = ["app"]

app = typer.Typer(
    help="What the database did not take: put away with its reason, so that the rest goes on.", no_args_is_help=True
)

Url = Annotated[str | None, typer.Option(help="Address of the instance; default: the one of the data folder")]
Key = Annotated[str | None, typer.Option(envvar="WASUP_API_KEY", help="Admin key; default: the one in the data folder")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
Number = Annotated[int, typer.Argument(min=1, help="Number of the item, as the list shows it")]
Every = Annotated[bool, typer.Option("--all", help="All there are, of this account if one is given")]
OneNumber = Annotated[int | None, typer.Argument(min=1, help="Number of the item, as the list shows it")]
Account = Annotated[int | None, typer.Option(min=1, help="Of this account alone")]

_PAGE = "200"


@app.command("list")
def list_(
    account: Account = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest")] = 50,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List rejected items, newest first."""

    async def work() -> list[dict[str, Any]]:
        async with open_api(load_settings(), url, key) as api:
            return await _items(api, account, limit)

    items = trio.run(work)
    if as_json:
        print(json.dumps(items, indent=2))
    else:
        Console().print(_table(items) if items else "Nothing was rejected.")


@app.command()
def show(item: Number, as_json: Json = False, url: Url = None, key: Key = None) -> None:
    """Show a rejected item with its content."""
    found = _call("GET", f"/api/rejected/{item}", url, key)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    console = Console()
    console.print(_table([found]))
    console.print(Text(found["item"]), soft_wrap=True)


@app.command()
def retry(
    item: OneNumber = None, every: Every = False, account: Account = None, url: Url = None, key: Key = None
) -> None:
    """Store a rejected item after all, when the cause was mended; exits 1 if one is refused again."""
    refused = _each("POST", "/retry", "stored", item, every, account, url, key)
    raise typer.Exit(1 if refused else 0)


@app.command()
def discard(
    item: OneNumber = None, every: Every = False, account: Account = None, url: Url = None, key: Key = None
) -> None:
    """Forget a rejected item for good."""
    _each("DELETE", "", "discarded", item, every, account, url, key)


def _each(
    method: str,
    action: str,
    done: str,
    item: int | None,
    every: bool,
    account: int | None,
    url: str | None,
    key: str | None,
) -> int:
    """Do it with one item or with all, oldest first; returns how many it could not be done with."""
    if (item is None) is not every:
        raise typer.BadParameter("name an item, or say --all")

    async def work() -> int:
        async with open_api(load_settings(), url, key) as api:
            numbers = [item] if item is not None else [row["id"] for row in await _items(api, account)][::-1]
            refused = 0
            for number in numbers:
                try:
                    await api.call(method, f"/api/rejected/{number}{action}")
                except SystemExit as error:
                    refused += 1
                    print(f"{number}: {str(error).removeprefix('wasup: ')}")
                else:
                    print(f"{number}: {done}")
            return refused

    return trio.run(work)


def _call(method: str, path: str, url: str | None, key: str | None) -> Any:
    async def work() -> Any:
        async with open_api(load_settings(), url, key) as api:
            return await api.call(method, path)

    return trio.run(work)


async def _items(api: Api, account: int | None, limit: int | None = None) -> list[dict[str, Any]]:
    """Page by page, newest first."""
    query = {"limit": _PAGE} | ({} if account is None else {"account_id": str(account)})
    items: list[dict[str, Any]] = []
    while limit is None or len(items) < limit:
        page = await api.call("GET", "/api/rejected", **query)
        items += page["data"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    return items[:limit]


def _table(items: list[dict[str, Any]]) -> Table:
    table = Table("item", "account", "what", "message", "bytes", "when (UTC)", "why", box=None)
    for item in items:
        when = datetime.fromtimestamp(item["created_at"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        cells = (item["id"], item["account_id"], item["kind"], item["message_id"] or "", item["size"], when)
        table.add_row(*(Text(str(cell)) for cell in cells), Text(item["reason"]))
    return table
