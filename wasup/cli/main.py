"""All commands of `wasup`. Each is a thin door; what it does is in the module of its name."""

import sys
from pathlib import Path
from typing import Annotated

import trio
import typer

from wasup import __version__
from wasup.cli.rejected import app as rejected
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

app.add_typer(rejected, name="rejected")

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
def migrate(database_url: DatabaseUrl = None, data_dir: DataDir = None) -> None:
    """Bring the database's schema up to date. Run again, it changes nothing; interrupted, it resumes."""
    from wasup.cli.serve import migrate_database

    migrate_database(load_settings(database_url=database_url, data_dir=data_dir))


@app.command("import")
def import_(
    source_url: Annotated[
        str,
        typer.Argument(
            envvar="IMPORT_SOURCE_URL",
            help="The back end's database: mysql://user:password@host:port/db; a user who may only SELECT is enough",
        ),
    ],
    database_url: DatabaseUrl = None,
    workspace: Annotated[int | None, typer.Option(help="Copy this workspace alone")] = None,
    orphans_to: Annotated[
        list[int] | None,
        typer.Option(help="Account that takes its workspace's messages that name no account; may be given repeatedly"),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(help="Zone in which the back end's database tells its times, if not as its server does: +07:00"),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Go through all of it, keep nothing, and report")] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON as well")] = None,
) -> None:
    """Take over workspaces, accounts, contacts, groups and messages from the present back end's database.

    That database is only read. Run again, it brings what is new; interrupted, it resumes. The target must be
    migrated, without a running instance, and without accounts of its own.
    """
    from wasup.cli.import_ import import_backend

    settings = load_settings(database_url=database_url)
    adds_up = import_backend(
        settings,
        source_url,
        workspace_id=workspace,
        orphans_to=orphans_to or (),
        time_zone=time_zone,
        dry_run=dry_run,
        report_file=report,
    )
    raise typer.Exit(0 if adds_up else 1)


@app.command()
def quickstart(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    emulator_port: Annotated[int, typer.Option(help="Port of the emulator, 0 for any")] = 8090,
    browser: Annotated[
        bool, typer.Option("--browser", help="Show the first steps with an account in Chromium")
    ] = False,
) -> None:
    """Run an instance on an embedded database with the WhatsApp emulator beside it: nothing else is needed.

    Makes the database, a workspace, API keys and a webhook endpoint if there are none yet. Accounts of type webjs
    meet the emulator's page of WhatsApp Web, not the real one.
    """
    from wasup.cli.quickstart import run_quickstart

    settings = load_settings(data_dir=data_dir, http=_http(host, port))
    trio.run(run_quickstart, settings, emulator_port, "webjs" if browser else "emulated")


@app.command()
def emulator(
    port: Annotated[int, typer.Option(help="Port to listen on, 0 for any")] = 8090,
    tls_port: Annotated[int, typer.Option(help="Port of the page as web.whatsapp.com, 0 for any, -1 for none")] = -1,
    qr_ttl: Annotated[float, typer.Option(help="Seconds that each QR code after the first lives")] = 20.0,
    echo: Annotated[bool, typer.Option(help="People answer every text")] = True,
) -> None:
    """Play WhatsApp on loopback: its network, its web page, phones to scan with, a control API, a webhook receiver.

    Its state is kept in memory. More flags: `python -m wasup.emulator --help`.
    """
    from wasup.emulator.serve import main as run_emulator

    run_emulator(port=port, tls_port=tls_port, qr_ttl=qr_ttl, echo=echo)


@app.command()
def demo(
    accounts: Annotated[
        int | None, typer.Option(min=1, max=250, help="Accounts to create and pair: 20, or 4 in browsers")
    ] = None,
    messages: Annotated[int | None, typer.Option(min=1, help="Messages to receive: 1000, or 400 in browsers")] = None,
    sends: Annotated[int | None, typer.Option(min=0, help="Messages to send: 100, or 40 in browsers")] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Each account in a Chromium of its own")] = False,
    data_dir: DataDir = None,
) -> None:
    """Play the main job and check it against the emulator's own log; exits 1 if anything is lost or doubled.

    Uses the system that `wasup quickstart` runs with this data folder, or starts one of its own.
    """
    from wasup.cli.demo import Size, run_demo

    usual = Size(accounts=4, messages=400, sends=40) if browser else Size(accounts=20, messages=1000, sends=100)
    size = Size(
        accounts=accounts or usual.accounts,
        messages=messages or usual.messages,
        sends=usual.sends if sends is None else sends,
    )
    passed = trio.run(run_demo, load_settings(data_dir=data_dir), size, browser)
    raise typer.Exit(0 if passed else 1)


@app.command()
def doctor(
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    page: Annotated[bool, typer.Option(help="Also load WhatsApp's page in a browser, and tell its version")] = False,
) -> None:
    """Look at everything that an instance needs, and say how to mend what is wrong; exits 1 if something is."""
    from wasup.cli.doctor import run_doctor

    well = run_doctor(load_settings(database_url=database_url, data_dir=data_dir), page=page)
    raise typer.Exit(0 if well else 1)


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
