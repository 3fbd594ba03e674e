"""All commands of `wasup`. Each is a thin door; what it does is in the module of its name."""

import sys
from pathlib import Path
from typing import Annotated

import trio
import typer

from wasup import __version__
from wasup.settings import SettingsError, load_settings

__all__ = ["app", "main"]

app = typer.Typer(
    name="wasup",
    help="WhatsApp account supervisor: runs thousands of WhatsApp accounts as supervised actors.\n\n"
    "Settings come from the environment (WASUP_…), .env and wasup.toml; options given here win.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", help="sqlite:///path or mysql://user:password@host:port/db [WASUP_DATABASE_URL]"),
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder of keys and files [WASUP_DATA_DIR]")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on [WASUP_HTTP__HOST]")]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on, 0 for any [WASUP_HTTP__PORT]")]
EmulatorUrl = Annotated[
    str | None, typer.Option("--emulator-url", help="Emulator for accounts of type 'emulated' [WASUP_EMULATOR_URL]")
]


def main() -> None:
    """Run the command line; what a user did wrong is one line and exit status 2."""
    try:
        app(standalone_mode=True)
    except SettingsError as error:
        fail(str(error))


def fail(message: str, *, status: int = 2) -> None:
    """Say what was wrong and end."""
    print(f"wasup: {message}", file=sys.stderr)
    raise SystemExit(status)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"wasup {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version


@app.command()
def serve(
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    emulator_url: EmulatorUrl = None,
) -> None:
    """Run an instance until SIGTERM or Ctrl-C, which stop it gracefully.

    The database must be migrated (`wasup migrate`), and no other instance may be running on it.
    """
    from wasup.cli.serve import serve_until_stopped

    settings = load_settings(
        database_url=database_url, data_dir=data_dir, emulator_url=emulator_url, http=_http(host, port)
    )
    serve_until_stopped(settings)


@app.command()
def migrate(database_url: DatabaseUrl = None) -> None:
    """Bring the database's schema up to date. Run again, it changes nothing; interrupted, it resumes."""
    from wasup.cli.serve import migrate_database

    migrate_database(load_settings(database_url=database_url))


@app.command()
def quickstart(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    emulator_port: Annotated[int, typer.Option(help="Port of the emulator, 0 for any")] = 8090,
) -> None:
    """Run an instance on an embedded database with the WhatsApp emulator beside it: nothing else is needed.

    Makes the database, a workspace, API keys and a webhook endpoint if there are none yet.
    """
    from wasup.cli.quickstart import run_quickstart

    settings = load_settings(data_dir=data_dir, http=_http(host, port))
    trio.run(run_quickstart, settings, emulator_port)


@app.command()
def emulator(
    port: Annotated[int, typer.Option(help="Port to listen on, 0 for any")] = 8090,
    qr_ttl: Annotated[float, typer.Option(help="Seconds that each QR code after the first lives")] = 20.0,
    echo: Annotated[bool, typer.Option(help="People answer every text")] = True,
) -> None:
    """Play WhatsApp on loopback: its network, phones to scan with, a control API, and a webhook receiver.

    Its state is kept in memory. More flags: `python -m wasup.emulator --help`.
    """
    from wasup.emulator.serve import main as run_emulator

    run_emulator(port=port, qr_ttl=qr_ttl, echo=echo)


@app.command()
def demo(
    accounts: Annotated[int, typer.Option(min=1, max=250, help="Accounts to create and pair")] = 20,
    messages: Annotated[int, typer.Option(min=1, help="Messages to receive")] = 1000,
    sends: Annotated[int, typer.Option(min=0, help="Messages to send")] = 100,
    data_dir: DataDir = None,
) -> None:
    """Play the main job and check it against the emulator's own log; exits 1 if anything is lost or doubled.

    Uses the system that `wasup quickstart` runs with this data folder, or starts one of its own.
    """
    from wasup.cli.demo import run_demo

    passed = trio.run(run_demo, load_settings(data_dir=data_dir), accounts, messages, sends)
    raise typer.Exit(0 if passed else 1)


@app.command()
def tree(
    url: Annotated[
        str | None, typer.Option(help="Address of the instance; default: the one of the data folder")
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="WASUP_API_KEY", help="Admin key; default: the one in the data folder")
    ] = None,
    data_dir: DataDir = None,
    watch: Annotated[bool, typer.Option(help="Keep drawing until Ctrl-C")] = False,
    unhealthy: Annotated[bool, typer.Option(help="Only what is not running, and its parents")] = False,
) -> None:
    """Show the live tree of supervisors and actors."""
    from wasup.cli.tree import show_tree

    trio.run(show_tree, load_settings(data_dir=data_dir), url, key, watch, unhealthy)


def _http(host: str | None, port: int | None) -> dict[str, object]:
    return {"host": host, "port": port}
