"""The command line: what it prints, and with which status it ends."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from typer.testing import CliRunner

from wasup import __version__
from wasup.cli import app
from wasup.cli.bootstrap import ADMIN_KEY, API_KEY, bootstrap
from wasup.cli.local import LocalSystem, read_key, read_system, write_key, write_system
from wasup.db import migrate

COMMANDS = ["serve", "migrate", "quickstart", "emulator", "demo", "tree"]
_PATIENCE = 30


def environment(folder: Path) -> dict[str, str]:
    """The environment without settings, and the folder for everything."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("WASUP_")}
    return {**kept, "WASUP_DATA_DIR": str(folder / "data"), "NO_COLOR": "1", "COLUMNS": "200"}


def wasup(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `wasup` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "wasup", *arguments],
        cwd=folder,
        env=environment(folder) | variables,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )


@contextmanager
def serving(folder: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    """A running `wasup serve`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wasup", "serve", "--database-url", url, "--port", "0"],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("wasup serves http://"):
                break
        yield process
    finally:
        process.kill()
        process.communicate()


def one_line(text: str) -> str:
    """The text, which is one line and no traceback."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("wasup: ")
    return lines[0]


def test_help_tells_all_commands() -> None:
    """`wasup --help`, and `wasup` alone, list every command with a sentence."""
    for arguments in (["--help"], []):
        shown = CliRunner().invoke(app, arguments)
        for command in COMMANDS:
            assert f"\n  {command} " in shown.output
        assert "WASUP_" in shown.output


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence on what it does, every option with one of its own, and nothing is touched."""
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, [command, "--help"], terminal_width=200)
    assert shown.exit_code == 0
    assert f"wasup {command} [OPTIONS]" in shown.output
    options = [line for line in shown.output.splitlines() if line.startswith("  --")]
    assert options
    assert all("  " in line.strip() for line in options), options
    assert not list(tmp_path.iterdir())


def test_the_version_is_told() -> None:
    """One word and a number."""
    assert CliRunner().invoke(app, ["--version"]).output == f"wasup {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["serve", "--nope"], ["nope"], ["serve", "--port", "many"], ["migrate", "extra"]]
)
def test_what_is_no_option_is_refused(arguments: list[str]) -> None:
    """Exit status 2, a hint, no traceback."""
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 2
    assert "Traceback" not in ended.output
    assert "--help" in ended.output


def test_a_bad_setting_is_one_line(tmp_path: Path) -> None:
    """Exit status 2 and what to mend."""
    ended = wasup(tmp_path, "migrate", WASUP_DATA_DRI="x")
    assert ended.returncode == 2
    assert "did you mean WASUP_DATA_DIR" in one_line(ended.stderr)


def test_migrate_may_be_run_again(tmp_path: Path) -> None:
    """The second time changes nothing; the folder of the database is made."""
    url = f"sqlite:///{tmp_path}/deep/er/wasup.db"
    for _ in range(2):
        ended = wasup(tmp_path, "migrate", "--database-url", url)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "up to date" in ended.stdout
    assert (tmp_path / "deep/er/wasup.db").exists()


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_a_database_that_does_not_answer_is_one_line(command: str, tmp_path: Path) -> None:
    """No traceback, and no password."""
    ended = wasup(tmp_path, command, "--database-url", "mysql://u:geheim@127.0.0.1:1/x")
    assert ended.returncode == 1
    assert "127.0.0.1" in one_line(ended.stderr)
    assert "geheim" not in ended.stderr


@pytest.mark.parametrize("url", [None, "sqlite:///fresh.db"])
def test_serve_on_a_database_without_schema_says_what_to_do(url: str | None, tmp_path: Path) -> None:
    """On a fresh machine, too: one line that names the command, exit status 1."""
    ended = wasup(tmp_path, "serve", "--port", "0", *(["--database-url", url] if url else []))
    assert ended.returncode == 1
    assert "wasup migrate" in one_line(ended.stderr)


def test_a_second_instance_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    """It says which process is in the way; when that has stopped, another may start at once."""
    url = f"sqlite:///{tmp_path}/wasup.db"
    trio.run(migrate, url)
    with serving(tmp_path, url) as first:
        second = wasup(tmp_path, "serve", "--database-url", url, "--port", "0")
        assert second.returncode == 1
        message = one_line(second.stderr)
        assert "another wasup runs on this database" in message
        assert f"process {first.pid}" in message
        assert first.poll() is None
        first.send_signal(signal.SIGTERM)
        assert first.wait(_PATIENCE) == 0
    with serving(tmp_path, url) as third:
        third.send_signal(signal.SIGINT)
        assert third.wait(_PATIENCE) == 0


def test_tree_without_a_system_says_so(tmp_path: Path) -> None:
    """The key may come from the environment; when nobody answers that is one line."""
    nobody = wasup(tmp_path, "tree", "--url", "http://127.0.0.1:1", WASUP_API_KEY="wsp_x")
    assert nobody.returncode == 1
    assert "does not answer" in one_line(nobody.stderr)


# ---- what a quickstart leaves behind ---------------------------------------------------------


async def test_keys_are_readable_by_their_owner_alone_and_stay(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, the same keys the next time, and the database has no key in it."""
    url = f"sqlite:///{tmp_path / 'wasup.db'}"
    before = os.umask(0)
    try:
        await migrate(url)
        endpoint = await bootstrap(url, tmp_path, webhook_url="http://127.0.0.1:1/hook")
    finally:
        os.umask(before)
    keys = {name: read_key(tmp_path, name) for name in (API_KEY, ADMIN_KEY)}
    for name, key in keys.items():
        assert key is not None
        assert key.startswith("wsp_")
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert key.encode() not in (tmp_path / "wasup.db").read_bytes()
    again = await bootstrap(url, tmp_path, webhook_url="http://127.0.0.1:1/hook")
    assert again == endpoint
    assert {name: read_key(tmp_path, name) for name in keys} == keys


def test_a_key_file_that_was_open_to_all_is_closed(tmp_path: Path) -> None:
    """Writing a key mends the mode of what was there."""
    path = tmp_path / API_KEY
    path.write_text("old")
    path.chmod(0o666)
    write_key(tmp_path, API_KEY, "wsp_new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(tmp_path, API_KEY) == "wsp_new"


def test_a_note_of_a_system_that_is_gone_is_no_system(tmp_path: Path) -> None:
    """Another process' id, a torn file or none: nothing runs."""
    assert read_system(tmp_path) is None
    here = LocalSystem(pid=os.getpid(), url="http://u", emulator_url="http://e", emulator_pid=1)
    write_system(tmp_path, here)
    assert read_system(tmp_path) == here
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_system(tmp_path, LocalSystem(pid=ended.pid, url="http://u", emulator_url="http://e", emulator_pid=1))
    assert read_system(tmp_path) is None
    (tmp_path / "running.json").write_bytes(b'{"pid": 1')
    assert read_system(tmp_path) is None


async def test_the_first_system_of_a_folder_is_not_disturbed(tmp_path: Path) -> None:
    """A second quickstart with the same folder says where the first one is."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_system(folder, LocalSystem(pid=os.getpid(), url="http://here:1", emulator_url="http://e", emulator_pid=1))
    ended = await trio.to_thread.run_sync(wasup, tmp_path, "quickstart")
    assert ended.returncode == 1
    assert "http://here:1" in one_line(ended.stderr)
