"""The newcomer's first run in real browsers, as processes: `quickstart --browser` and `demo --browser`."""

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.test_commands import environment

_DEMO_WITHIN = 150.0  # on a busy machine; some 20 s on a free one


def _processes_in(folder: Path) -> list[str]:
    """Command lines of living processes that name this folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if process.name.isdigit() and str(folder) in command:
            found.append(command)
    return found


def test_the_demo_in_browsers_kills_one_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """In a system of its own; its report is the emulator's log against database and webhooks, as for other accounts.

    The browser is found wherever the settings have put the profiles.
    """
    size = ["--accounts", "2", "--messages", "40", "--sends", "6"]
    demo = subprocess.run(
        [sys.executable, "-m", "wasup", "demo", "--browser", *size],
        cwd=tmp_path,
        env=environment(tmp_path) | {"TMPDIR": str(tmp_path), "WASUP_BROWSER__PROFILES": str(tmp_path / "elsewhere")},
        capture_output=True,
        text=True,
        timeout=_DEMO_WITHIN,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    told = re.sub(r"[ │|]+", " ", demo.stdout)
    assert re.search(r"killed the browser of account \d \(SIGKILL\)", told)
    for line in (
        r"accounts ready 2 of 2",
        r"messages in (4\d) given, \1 rows in the database",  # some people answer
        r"messages out 6 asked for, 6 rows in the database",
        r"losses 0",
        r"duplicates 0",
        r"given to page median",
        r"Nothing lost, nothing doubled\.",
    ):
        assert re.search(line, told), told
    assert _processes_in(tmp_path) == []
    assert not list(tmp_path.glob("wasup-demo-*"))


def test_the_first_steps_in_a_browser_are_shown(tmp_path: Path) -> None:
    """The welcome makes an account of type webjs, and names the demo in browsers."""
    command = [sys.executable, "-m", "wasup", "quickstart", "--browser", "--port", "0", "--emulator-port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as quickstart:
        try:
            assert quickstart.stdout is not None
            told = ""
            for line in quickstart.stdout:
                told += line
                if line.startswith("Ctrl-C"):
                    break
            assert '"provider_type": "webjs"' in told
            assert "make demo BROWSER=1" in told
            assert told.count("/dashboard/") == 1
            quickstart.send_signal(signal.SIGINT)
            _, complaints = quickstart.communicate(timeout=30)
        finally:
            quickstart.kill()
    assert (quickstart.returncode, complaints) == (0, "")
    assert _processes_in(tmp_path) == []
