"""Settings: where they come from, which one wins, and what is refused."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from wasup.settings import Settings, SettingsError, load_settings
from wasup.settings_old import OLD_NAMES


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith("WASUP_") or name in {"DATABASE_URL", "MAX_SESSIONS_PER_INSTANCE"} | OLD_NAMES:
            monkeypatch.delenv(name)
    monkeypatch.setattr(Settings, "toml_file", Path("wasup.toml"))


def test_without_anything_the_defaults_hold() -> None:
    """A first run needs no configuration."""
    settings = load_settings()
    assert settings.database_url == "sqlite:///data/wasup.db"
    assert settings.max_sessions_per_instance == 300
    assert settings.webhooks.allow_private is False
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8080)


def test_precedence_is_command_line_environment_dotenv_toml_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source wins over the ones below it, key by key."""
    Path("wasup.toml").write_text(
        "send_attempts = 11\nqr_attempts = 11\nrestart_budget = 11\nconnect_concurrency = 11\n[http]\nport = 1111\n"
    )
    Path(".env").write_text("WASUP_SEND_ATTEMPTS=12\nWASUP_QR_ATTEMPTS=12\nWASUP_RESTART_BUDGET=12\n")
    monkeypatch.setenv("WASUP_SEND_ATTEMPTS", "13")
    monkeypatch.setenv("WASUP_QR_ATTEMPTS", "13")
    settings = load_settings(send_attempts=14, data_dir=None)
    assert settings.send_attempts == 14
    assert settings.qr_attempts == 13
    assert settings.restart_budget == 12
    assert settings.connect_concurrency == 11
    assert settings.http.port == 1111
    assert settings.sync_timeout == 120.0


def test_a_section_may_come_from_several_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port from the command line, the host from the environment, the rest from the file."""
    Path("wasup.toml").write_text('[http]\nhost = "10.0.0.1"\nport = 1\ncommand_timeout = 3.0\n')
    monkeypatch.setenv("WASUP_HTTP__HOST", "10.0.0.2")
    settings = load_settings(http={"host": None, "port": 2})
    assert (settings.http.host, settings.http.port, settings.http.command_timeout) == ("10.0.0.2", 2, 3.0)


def test_the_file_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`WASUP_CONFIG` names another file, which must be there."""
    named = tmp_path / "other.toml"
    named.write_text("[webhooks]\nallow_private = true\n")
    monkeypatch.setenv("WASUP_CONFIG", str(named))
    assert load_settings().webhooks.allow_private
    monkeypatch.setenv("WASUP_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(SettingsError, match=r"missing\.toml"):
        load_settings()


def test_names_of_the_old_service_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """`MAX_SESSIONS_PER_INSTANCE` and `DATABASE_URL`; wasup's own names win over them."""
    monkeypatch.setenv("MAX_SESSIONS_PER_INSTANCE", "42")
    monkeypatch.setenv("DATABASE_URL", "mysql://u:p@db/wasup")
    assert load_settings().max_sessions_per_instance == 42
    assert load_settings().database_url == "mysql://u:p@db/wasup"
    monkeypatch.setenv("WASUP_MAX_SESSIONS_PER_INSTANCE", "43")
    assert load_settings().max_sessions_per_instance == 43
    assert load_settings(max_sessions_per_instance=44).max_sessions_per_instance == 44


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("WASUP_DATABASE_ULR", "WASUP_DATABASE_URL"),
        ("WASUP_HTTP__PROT", "WASUP_HTTP__PORT"),
        ("WASUP_WEBHOOKS_ALLOW_PRIVATE", "WASUP_WEBHOOKS__ALLOW_PRIVATE"),
        ("wasup_data_dri", "WASUP_DATA_DIR"),
    ],
)
def test_a_misspelt_variable_is_refused_with_a_hint(name: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its case, it never is silently without effect."""
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match=f"did you mean {hint}"):
        load_settings()


def test_variables_that_are_read_elsewhere_are_no_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of `wasup tree`, the tests' own, and everything of other programs."""
    for name in ("WASUP_API_KEY", "WASUP_TEST_MYSQLD", "REDIS_URL", "NODE_ENV"):
        monkeypatch.setenv(name, "x")
    load_settings()


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("data_dri = 'x'", "data_dri is no setting; did you mean data_dir"),
        ("[http]\nprot = 1", "http.prot is no setting; did you mean http.port"),
        ("[sinc]\nbatch = 1", "sinc is no setting"),
        ("[http\nport = 1", "wasup.toml is not TOML"),
        ("http = 3", "http: "),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(toml: str, message: str) -> None:
    """With the key as it is written there."""
    Path("wasup.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [("WASUP_DATA_DRI=x", "did you mean data_dir"), ("WASUP_HTTP__PROT=1", "did you mean http.port")],
)
def test_a_misspelt_key_in_dotenv_is_refused_with_a_hint(line: str, message: str) -> None:
    """As in the environment."""
    Path(".env").write_text(line)
    with pytest.raises(SettingsError, match=message):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("WASUP_HTTP__PORT", "70000", "http.port"),
        ("WASUP_HTTP__PORT", "eighty", "http.port"),
        ("WASUP_MAX_SESSIONS_PER_INSTANCE", "0", "max_sessions_per_instance"),
        ("WASUP_CONNECT_TIMEOUT", "-1", "connect_timeout"),
        ("WASUP_SYNC__LINGER", "0.03", "sync.linger"),
        ("WASUP_WEBHOOKS__ALLOW_PRIVATE", "maybe", "webhooks.allow_private"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    name: str, value: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the key, what is allowed, and what was given."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert where in str(caught.value).lower()
    assert value in str(caught.value)


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to mend them one by one."""
    monkeypatch.setenv("WASUP_HTTP__PORT", "70000")
    monkeypatch.setenv("WASUP_SEND_ATTEMPTS", "0")
    with pytest.raises(SettingsError, match=r"http\.port.*send_attempts|send_attempts.*http\.port"):
        load_settings()


def test_the_embedded_database_lies_in_the_data_folder(tmp_path: Path) -> None:
    """Unless another database is named, everything is in one folder."""
    assert load_settings(data_dir=tmp_path).database_url == f"sqlite:///{tmp_path}/wasup.db"
    assert load_settings(data_dir=tmp_path, database_url="sqlite:///x.db").database_url == "sqlite:///x.db"


@pytest.mark.parametrize(
    "url",
    ["postgres://u:geheim@h/d", "nonsense", "", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://", "data.db"],
)
def test_a_database_url_that_is_none_is_refused_without_telling_its_password(url: str) -> None:
    """Before anything is opened, and with the forms that are understood."""
    with pytest.raises(SettingsError) as caught:
        load_settings(database_url=url)
    assert "mysql://user:password@host:port/database or sqlite:///path" in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["sqlite:///data/wasup.db", "sqlite:////var/lib/w.db", "mysql://u:p@h/d", "mariadb://h/d"]
)
def test_a_database_url_that_is_one_is_taken(url: str) -> None:
    """Relative and absolute files, MySQL and MariaDB."""
    assert load_settings(database_url=url).database_url == url


def test_settings_do_not_change() -> None:
    """They are read once and frozen, sections too."""
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.send_attempts = 5
    with pytest.raises(ValidationError):
        settings.http.port = 5


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WASUP_SYNC__WINDOW", "1001", "less than or equal to 1000"),
        ("LARAVEL_URL", "http://localhost:8000", "backend_url needs hmac_secret"),
        ("WASUP_MEDIA__DAYS", "0", "greater than or equal to 1"),
    ],
)
def test_what_would_do_harm_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    """A window that holds a flood in memory, a back end that could check nothing, media that are gone at once."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        load_settings()


def test_the_old_services_names_are_understood_in_both_places(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In `.env` too, where those without meaning cost one line; wasup's own names of the same place win."""
    Path(".env").write_text(
        "PORT=3001\nAPI_KEY=an-old-key-of-16+\nHMAC_SECRET=s\nNODE_ENV=production\nLOG_LEVEL=info\n"
        "REDIS_HOST=cache\nREDIS_PASSWORD=p@ss\nWEBHOOK_TIMEOUT=9000\nWASUP_WEBHOOKS__TIMEOUT=8\n"
    )
    settings = load_settings()
    assert settings.http.port == 3001
    assert settings.legacy.api_key is not None
    assert settings.legacy.api_key.get_secret_value() == "an-old-key-of-16+"
    assert settings.redis_url == "redis://:p%40ss@cache:6379/0"
    assert settings.webhooks.timeout == 8
    assert [record.getMessage() for record in caplog.records] == [
        "settings of the old service in .env that mean nothing here: LOG_LEVEL, NODE_ENV"
    ]
    monkeypatch.setenv("PORT", "3002")
    monkeypatch.setenv("LARAVEL_API_TOKEN", "another-old-key-16")
    assert load_settings().http.port == 3002
    monkeypatch.setenv("WASUP_HTTP__PORT", "3003")
    assert load_settings().http.port == 3003
    assert "an-old-key" not in repr(settings)


def test_a_secret_that_does_not_fit_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the key, and not what was given."""
    monkeypatch.setenv("API_KEY", "too-short")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "legacy.api_key" in str(caught.value)
    assert "too-short" not in str(caught.value)
