"""One frozen settings object, read once at start from the environment, `.env` and a TOML file.

Precedence, highest first: arguments of the command line, environment (`WASUP_…`, sections joined by two
underscores: `WASUP_WEBHOOKS__ALLOW_PRIVATE=true`), `.env`, `wasup.toml` (or the file named by
`WASUP_CONFIG`), defaults. Names of the old service (`PORT`, `API_KEY`, …) come right after the names here of the
same place, see `settings_old.py`. Durations are seconds, sizes bytes. A misspelt key is refused with a hint.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from wasup.settings_old import OldNames, take_old_names

__all__ = [
    "BrowserSection",
    "HttpSection",
    "LegacySection",
    "MediaSection",
    "Settings",
    "SettingsError",
    "SyncSection",
    "WebhookSection",
    "load_settings",
]

_PREFIX = "WASUP_"
_SPECIAL = {"WASUP_CONFIG", "WASUP_API_KEY"}
"""Names that are read elsewhere: which file to read, and the key of `wasup tree`."""


_NO_FILES = {"/", "/:memory:"}
_SECRETIVE = ("url", "key", "secret", "password")  # whose values are not repeated; URLs may hold passwords


class SettingsError(Exception):
    """The settings do not hold together; the message says which key, why, and what is allowed."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HttpSection(_Section):
    """The HTTP API."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    command_timeout: float = Field(default=10.0, gt=0, description="deadline of one command to an account")
    max_connections: int = Field(
        default=2000, ge=1, description="open at once; then idle ones make room, and with none idle the rest gets 503"
    )
    idle_timeout: float = Field(
        default=15.0, gt=0, description="a silent connection is closed, and one whose request's head is not complete"
    )
    send_timeout: float = Field(default=10.0, gt=0, description="in which a client must take 64 KB of an answer")
    body_timeout: float = Field(default=20.0, gt=0, description="in which a request's body must arrive")
    in_hand: int = Field(
        default=32,
        ge=1,
        description="requests at work at once, the rest gets 503; fewer, down to 2 for one caller, under overload",
    )
    max_streams: int = Field(default=1000, ge=0, description="streams of events that are open at once")
    max_streams_per_key: int = Field(default=500, ge=0, description="the same with one API key")
    max_body: int = Field(default=1_000_000, ge=1000, description="a request's body, media apart")
    rate_per_key: float = Field(default=600.0, gt=0, description="requests a second with one key; twice that at once")
    rate_per_address: float = Field(default=1000.0, gt=0, description="the same from one address")
    wrong_keys_per_minute: float = Field(default=20.0, gt=0, description="wrong API keys from one address")
    trusted_proxies: tuple[str, ...] = Field(
        default=("127.0.0.1/32", "::1/128"), description="networks whose X-Forwarded-For is believed"
    )
    metrics_public: bool = Field(default=False, description="serve /metrics without a key")
    default_region: str | None = Field(
        default=None, pattern="^[A-Z]{2}$", description="country of phone numbers that come without one"
    )


class LegacySection(_Section):
    """The routes of the old Node service, for a back end that still calls them."""

    enabled: bool = False
    api_key: SecretStr | None = Field(
        default=None, min_length=16, description="the old service's one key, good on its routes alone"
    )
    hmac_secret: SecretStr | None = Field(default=None, description="what the back end checks webhooks with")
    backend_url: str | None = Field(
        default=None,
        description="address of the back end: workspaces whose sessions it named get a webhook endpoint there",
    )
    provider_type: str | None = Field(default=None, description="of accounts made here; none: the first there is")

    @model_validator(mode="after")
    def _check_backend(self) -> Self:
        if self.backend_url is not None and self.hmac_secret is None:
            raise ValueError("backend_url needs hmac_secret, which the back end checks webhooks with")
        return self


class MediaSection(_Section):
    """Media that is sent and received."""

    max_bytes: int = Field(default=64_000_000, ge=1000, description="one file, however it comes")
    allow_private: bool = Field(default=False, description="fetch media from loopback and private networks too")
    fetch_timeout: float = Field(default=20.0, gt=0, description="limit of fetching media from an address")
    days: int = Field(default=90, ge=1, description="days that files are kept after they were last stored or sent")


class SyncSection(_Section):
    """The pipeline from sessions to the database."""

    writers: int = Field(default=4, ge=1, le=16, description="writers in parallel; SQLite always has one")
    batch: int = Field(default=300, ge=1, le=5000, description="items in one transaction at most")
    linger: float = Field(
        default=0.02, ge=0, le=0.02, description="how long a batch waits for more when there is little"
    )
    mailbox: int = Field(default=4000, ge=1, description="deliveries waiting per writer before sessions are held back")
    window: int = Field(default=32, ge=1, le=1000, description="uncommitted deliveries of one session at most")
    ack_linger: float = Field(
        default=0.1, ge=0, le=5, description="how long acknowledgements of one session are collected"
    )
    history_days: float = Field(default=7.0, ge=0, description="how old messages may be that a new login brings along")
    history_messages: int = Field(default=100, ge=1, le=1000, description="messages of a chat asked for at once")
    history_concurrency: int = Field(default=4, ge=1, le=64, description="chats of a session asked for at once")
    compare_interval: float = Field(
        default=3600.0, gt=0, description="how often an account's chats are compared with the database, on average"
    )
    compare_chats: int = Field(default=10, ge=0, description="chats in such a comparison; 0: none are made")
    compare_hours: float = Field(default=24.0, gt=0, description="age of the messages that are compared")
    pending_days: float = Field(
        default=30.0, gt=0, description="how long receipts, edits and revokes wait for a message that does not come"
    )


class WebhookSection(_Section):
    """Webhook delivery."""

    allow_private: bool = Field(default=False, description="deliver to loopback and private networks, and over http")
    timeout: float = Field(default=15.0, gt=0, description="limit of one whole exchange")
    connections: int = Field(default=16, ge=1, le=100, description="connections to one endpoint at most")
    schedule: tuple[PositiveFloat, ...] = Field(
        default=(5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),  # standardwebhooks.com
        min_length=1,
        description="seconds before the second, third, … try; after the last an event is a dead letter",
    )
    public_url: str | None = Field(
        default=None, description="where this instance is reached from outside, for links in webhooks"
    )
    event_days: int = Field(default=30, ge=1, description="days that the log keeps events")
    attempt_days: int = Field(default=3, ge=1, description="days that attempts at deliveries are kept")
    dead_letter_days: int = Field(default=30, ge=1, description="days that dead letters are kept")
    prune_interval: float = Field(default=60.0, gt=0, description="between two looks for what is too old")


class BrowserSection(_Section):
    """The browsers of accounts of type `webjs`."""

    url: str = Field(
        default="https://web.whatsapp.com",
        pattern="^https?://[^/]+",
        description="WhatsApp Web; another address only for the emulator's",
    )
    start_timeout: float = Field(default=30.0, gt=0, description="until wa-js is at work in WhatsApp's page")
    heal_timeout: float = Field(
        default=60.0, gt=0, description="in which a page that has lost its connection must have mended it"
    )
    executable: Path | None = Field(default=None, description="Chromium; none: the one on PATH")
    profiles: Path | None = Field(default=None, description="folder of the profiles; none: `profiles` in data_dir")
    launches: int = Field(
        default=2,
        ge=1,
        description="browsers being started at the same time at most; four times as many pages are loading",
    )
    accounts_per_driver: int = Field(default=8, ge=1, description="browsers that share one Playwright driver at most")
    max_sessions: int | None = Field(
        default=None, ge=0, description="browsers at most (max_browser_sessions); none: as many as fit into memory"
    )
    memory_expected: int = Field(default=175_000_000, ge=1, description="what a browser is expected to need")
    memory_soft: int = Field(default=600_000_000, ge=1, description="over this it is recycled at a quiet moment")
    memory_hard: int = Field(default=1_000_000_000, ge=1, description="over this it is ended")
    recycle_after: float = Field(
        default=1800.0, ge=0, description="a browser over memory_soft has run for so long before it is recycled"
    )
    measure_interval: float = Field(default=30.0, gt=0, description="between two measurements of memory and CPU")
    disk_reserve: int = Field(default=200_000_000, ge=0, description="free disk below which no browser is started")


class Settings(BaseSettings):
    """All settings of an instance."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        extra="forbid",
        populate_by_name=True,
    )
    toml_file: ClassVar[Path] = Path("wasup.toml")

    data_dir: Path = Path("data")
    database_url: str = Field(
        default_factory=lambda known: f"sqlite:///{known['data_dir'] / 'wasup.db'}",
        description="sqlite:///path or mysql://user:password@host:port/database; none: SQLite, `wasup.db` in data_dir",
        validation_alias=AliasChoices("WASUP_DATABASE_URL", "database_url", "DATABASE_URL"),
    )
    max_sessions_per_instance: int = Field(
        default=300,
        ge=1,
        validation_alias=AliasChoices(
            "WASUP_MAX_SESSIONS_PER_INSTANCE", "max_sessions_per_instance", "MAX_SESSIONS_PER_INSTANCE"
        ),
    )
    redis_url: str | None = Field(
        default=None,
        description="redis://host:port/0 to keep recent chats in; none: in memory",
        validation_alias=AliasChoices("WASUP_REDIS_URL", "redis_url", "REDIS_URL"),
    )
    emulator_url: str | None = Field(
        default=None, description="WhatsApp emulator for accounts of type `emulated`; none: there are no such accounts"
    )
    connect_concurrency: int = Field(
        default=64, ge=1, description="sessions of a provider being opened at the same time at most"
    )
    connect_timeout: float = Field(
        default=45.0, gt=0, description="from opening a session to ready, or to the first QR"
    )
    sync_timeout: float = Field(default=120.0, gt=0, description="from paired to ready")
    probe_interval: float = Field(default=60.0, gt=0, description="a session silent for so long is probed")
    probe_timeout: float = Field(default=20.0, gt=0)
    send_timeout: float = Field(default=30.0, gt=0)
    send_attempts: int = Field(default=3, ge=1)
    restart_budget: int = Field(default=5, ge=0, description="crashes of an account within `restart_period`")
    restart_period: float = Field(default=120.0, gt=0)
    backoff_initial: float = Field(default=1.0, gt=0)
    backoff_maximum: float = Field(default=60.0, gt=0)
    qr_attempts: int = Field(default=6, ge=1, description="QR logins begun per account within `qr_period`")
    qr_attempts_workspace: int = Field(default=1000, ge=1, description="the same per workspace")
    qr_period: float = Field(default=600.0, gt=0)
    reconcile_interval: float = Field(default=5.0, gt=0)
    stop_timeout: float = Field(default=20.0, gt=0, description="deadline of a graceful stop")
    http: HttpSection = HttpSection()
    browser: BrowserSection = BrowserSection()
    legacy: LegacySection = LegacySection()
    media: MediaSection = MediaSection()
    sync: SyncSection = SyncSection()
    webhooks: WebhookSection = WebhookSection()

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, url: str) -> str:
        kind, _, rest = url.partition("://")
        known = {"mysql": len(rest) > 1, "mariadb": len(rest) > 1, "sqlite": rest[:1] == "/" and rest not in _NO_FILES}
        if not known.get(kind.partition("+")[0], False):
            raise ValueError("a database URL is mysql://user:password@host:port/database or sqlite:///path")
        return url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - part of the signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Sources, highest precedence first."""
        toml = TomlConfigSettingsSource(settings_cls, cls.toml_file)
        old_env = OldNames(settings_cls, os.environ)
        old_dotenv: dict[str, str | None] = {}
        if isinstance(dotenv_settings, DotEnvSettingsSource):
            left = dict(dotenv_settings.env_vars)
            old_dotenv = take_old_names(left)
            dotenv_settings.env_vars = left
        return init_settings, env_settings, old_env, dotenv_settings, OldNames(settings_cls, old_dotenv), toml


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` (None means not given) come first.

    Raises:
        SettingsError: a key is unknown or a value does not fit.
    """
    Settings.toml_file = Path(os.environ.get("WASUP_CONFIG", "wasup.toml"))
    if "WASUP_CONFIG" in os.environ and not Settings.toml_file.is_file():
        raise SettingsError(f"WASUP_CONFIG names {Settings.toml_file}, which is no file")
    _check_environment(os.environ)
    if isinstance(overrides.get("http"), dict):
        overrides["http"] = {k: v for k, v in overrides["http"].items() if v is not None}
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{Settings.toml_file} is not TOML: {error}") from None
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(e) for e in error.errors())) from None


def _names() -> list[str]:
    names: list[str] = []
    for key, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            names += [f"{_PREFIX}{key}__{inner}".upper() for inner in section.model_fields]
        else:
            names.append(f"{_PREFIX}{key}".upper())
    return names


def _check_environment(environment: Iterable[str]) -> None:
    known = _names()
    for given in environment:
        name = given.upper()  # as they are read, whatever their case
        if (
            name.startswith(_PREFIX)
            and name not in known
            and name not in _SPECIAL
            and not name.startswith("WASUP_TEST_")
        ):
            raise SettingsError(f"{name} is no setting{_hint(name, known)}")


def _explain(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = [n.removeprefix(_PREFIX).replace("__", ".").lower() for n in _names()]
        return f"{where} is no setting{_hint(where, known)}"
    hidden = any(word in where.lower() for word in _SECRETIVE)
    given = "" if hidden else f" (given: {error['input']!r})"
    return f"{where}: {error['msg']}{given}"


def _hint(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
