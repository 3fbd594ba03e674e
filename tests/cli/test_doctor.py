"""`wasup doctor`: what it finds, and with which status it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.emulator.process import emulator_at
from wasup.cli import doctor
from wasup.cli.doctor import State
from wasup.providers.webjs import bundle
from wasup.settings import Settings, load_settings


def settings(folder: Path, **more: object) -> Settings:
    """Settings of an instance in this folder."""
    return load_settings(data_dir=folder / "data", database_url=f"sqlite:///{folder}/wasup.db", **more)


def run(folder: Path, *arguments: str, **variables: str) -> tuple[int, dict[str, str]]:
    """Run the command: its status, and its lines by what they are about."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("WASUP_")}
    url = {"WASUP_DATABASE_URL": f"sqlite:///{folder}/wasup.db", "WASUP_DATA_DIR": str(folder / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "wasup", "doctor", *arguments],
        cwd=folder,
        env=kept | url | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr, done.stderr
    return done.returncode, {line[9:21].strip(): line for line in done.stdout.splitlines()}


def test_a_well_instance_is_told_so(tmp_path: Path) -> None:
    """A line for each part, and status 0; the page is looked at when asked for."""
    subprocess.run(
        [sys.executable, "-m", "wasup", "migrate", "--database-url", f"sqlite:///{tmp_path}/wasup.db"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    with emulator_at() as url:
        status, lines = run(tmp_path, "--page", WASUP_BROWSER__URL=f"{url}/web/")
    assert status == 0
    assert list(lines) == ["data folder", "disk", "database", "Redis", "browser", "wa-js", "page"]
    assert all(line.startswith("ok ") for what, line in lines.items() if what != "disk"), lines
    assert "4.6.0" in lines["wa-js"]
    assert "version is 2.3000." in lines["page"]


def test_what_fails_says_how_to_mend_it_and_ends_with_1(tmp_path: Path) -> None:
    """Everything is looked at, whatever fails first."""
    status, lines = run(
        tmp_path, "--page", WASUP_BROWSER__EXECUTABLE=str(tmp_path / "none"), WASUP_REDIS_URL="redis://127.0.0.1:1/0"
    )
    assert status == 1
    assert lines["database"].startswith("failed")
    assert "wasup migrate" in lines["database"]
    assert lines["Redis"].startswith("warning")
    assert lines["browser"].startswith("failed")
    assert "browser.executable" in lines["browser"]
    assert lines["page"].startswith("failed")


async def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    """The server's own words, and which setting it is."""
    away = settings(tmp_path).model_copy(update={"database_url": "mysql://wasup:secret@127.0.0.1:1/wasup"})
    finding = await doctor.check_database(away)
    assert finding.state is State.FAILED
    assert "WASUP_DATABASE_URL" in finding.mend
    assert "secret" not in str(finding)


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Something else has its name."""
    (tmp_path / "data").write_text("in the way")
    finding = await doctor.check_data_dir(settings(tmp_path))
    assert (finding.state, "WASUP_DATA_DIR" in finding.mend) == (State.FAILED, True)


def test_the_page_is_only_named_unless_it_is_asked_for(tmp_path: Path) -> None:
    """Nothing goes out to WhatsApp by itself; the line says how its version is learnt."""
    _, lines = run(tmp_path, WASUP_BROWSER__URL="http://127.0.0.1:1")
    assert lines["page"].startswith("ok ")
    assert "doctor --page" in lines["page"]


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """Below the browsers' reserve nothing starts any more."""
    assert (await doctor.check_disk(settings(tmp_path, browser={"disk_reserve": 2**60}))).state is State.FAILED


async def test_no_browser_and_no_bundle_are_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other accounts run without them; only a bundle of other bytes is a failure."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(bundle, "_BUNDLE", tmp_path / "wa.js")
    assert (await doctor.check_browser(settings(tmp_path))).state is State.WARNING
    assert (await doctor.check_bundle(settings(tmp_path))).state is State.WARNING
    (tmp_path / "wa.js").write_text("something else")
    finding = await doctor.check_bundle(settings(tmp_path))
    assert (finding.state, "make setup" in finding.detail) == (State.FAILED, True)
