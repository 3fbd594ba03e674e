"""`wasup quickstart`: a whole system on one machine, with nothing installed but wasup."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from wasup.app import Running, run_instance
from wasup.browsers import BrowserMissing, find_chromium
from wasup.cli.bootstrap import ADMIN_KEY, API_KEY, bootstrap
from wasup.cli.local import LocalSystem, forget_system, read_key, read_system, write_system
from wasup.cli.serve import prepare_folder
from wasup.db import migrate
from wasup.emulator.client import EmulatorClient, EmulatorDied, running_emulator
from wasup.logs import configure_logs
from wasup.providers.webjs.bundle import BundleError, read_bundle
from wasup.settings import Settings

__all__ = ["WEBHOOK_PATH", "WEB_PATH", "missing_for_browsers", "run_quickstart", "with_emulator"]

WEBHOOK_PATH = "/backend/webhooks"
WEB_PATH = "/web/"
"""Where the emulator plays WhatsApp Web."""


async def run_quickstart(settings: Settings, emulator_port: int, provider_type: str) -> None:
    """Run until Ctrl-C.

    Args:
        settings: all settings.
        emulator_port: 0 for any.
        provider_type: of the account that the welcome text makes.
    """
    configure_logs(level="WARNING")
    running = read_system(settings.data_dir)
    if running is not None:
        raise SystemExit(f"wasup: a system with this data folder is running already: {running.url} (pid {running.pid})")
    try:
        async with with_emulator(settings, emulator_port) as (prepared, emulator):

            async def ready(running: Running) -> None:
                note_system(prepared, running, emulator)
                _welcome(prepared, running, emulator, provider_type)

            try:
                await run_instance(prepared, on_ready=ready)
            finally:
                forget_system(settings.data_dir)
    except EmulatorDied as error:
        raise SystemExit(f"wasup: the emulator does not start: {error} (another port: --emulator-port)") from None


@asynccontextmanager
async def with_emulator(
    settings: Settings, port: int, **flags: object
) -> AsyncIterator[tuple[Settings, EmulatorClient]]:
    """An emulator beside a prepared database; yields the settings for both, and the emulator's controls."""
    prepare_folder(settings)
    await migrate(settings.database_url)
    async with running_emulator(port=port, **flags) as emulator:
        endpoint = await bootstrap(settings.database_url, settings.data_dir, webhook_url=emulator.url + WEBHOOK_PATH)
        await emulator.ctl("backend", secret=endpoint.secret)
        sections = {
            "webhooks": settings.webhooks.model_copy(update={"allow_private": True}),
            "browser": settings.browser.model_copy(update={"url": emulator.url + WEB_PATH}),
        }
        yield settings.model_copy(update={"emulator_url": emulator.url, **sections}), emulator


def note_system(settings: Settings, running: Running, emulator: EmulatorClient) -> None:
    """Let the other commands find this system."""
    write_system(
        settings.data_dir,
        LocalSystem(pid=os.getpid(), url=running.url, emulator_url=emulator.url, emulator_pid=emulator.pid or 0),
    )


def missing_for_browsers(settings: Settings) -> str | None:
    """What accounts of type `webjs` lack on this machine, in one line that says how to get it; None if nothing."""
    try:
        find_chromium(settings.browser.executable)
        read_bundle()
    except (BrowserMissing, BundleError) as error:
        return str(error)
    return None


def _welcome(settings: Settings, running: Running, emulator: EmulatorClient, provider_type: str) -> None:
    key = settings.data_dir / API_KEY
    assert read_key(settings.data_dir, API_KEY) is not None
    demo = "make demo                         20 accounts, 1,000 messages, crashes on the way, and a report"
    if provider_type == "webjs":
        demo = "make demo BROWSER=1               4 accounts in real browsers, one killed on the way, and a report"
        if missing := missing_for_browsers(settings):
            Console(stderr=True).print(f"[bold red]No account of type webjs can run:[/bold red] {missing}")
    text = f"""\
[bold green]wasup is running.[/bold green]

Dashboard         [link={running.url}/dashboard/]{running.url}/dashboard/[/link]   (enter it with the API key)
API docs          [link={running.url}/docs]{running.url}/docs[/link]
Phones            [link={emulator.url}]{emulator.url}[/link]   (the emulator plays WhatsApp: scan and write here)
API key           in {key} (admin key: {settings.data_dir / ADMIN_KEY})

[bold]Try next[/bold], in another terminal:

  {demo}
  .venv/bin/wasup tree --watch      the live tree of supervisors and actors

  KEY=$(cat {key})
  curl -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
       -d '{{"provider_type": "{provider_type}"}}' {running.url}/api/accounts
  curl -H "Authorization: Bearer $KEY" -X POST {running.url}/api/accounts/1/connect
  curl -H "Authorization: Bearer $KEY" "{running.url}/api/accounts/1/qr?format=text"
  … then paste the code on the phones' page, and write to the account from there.

Ctrl-C stops it; what it has stored stays in {settings.data_dir}/."""
    Console().print(text, soft_wrap=True, highlight=False)
