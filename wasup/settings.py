"""One frozen settings object, read once at start from the environment, `.env` and a TOML file.

Precedence, highest first: arguments of the command line, environment (`WASUP_…`, sections joined by two
underscores: `WASUP_WEBHOOKS__ALLOW_PRIVATE=true`), `.env`, `wasup.toml` (or the file named by
`WASUP_CONFIG`), defaults. Durations are seconds, sizes bytes. A misspelt key is refused with a hint.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

__all__ = ["HttpSection", "Settings", "SettingsError", "SyncSection", "WebhookSection", "load_settings"]

_PREFIX = "WASUP_"
_SPECIAL = {"WASUP_CONFIG", "WASUP_API_KEY"}
"""Names that are read elsewhere: which file to read, and the key of `wasup tree`."""


_NO_FILES = {"/", "/:memory:"}


class SettingsError(Exception):
    """The settings do not hold together; the message says which key, why, and what is allowed."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HttpSection(_Section):
    """The HTTP API."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    command_timeout: float = Field(default=10.0, gt=0, description="deadline of one command to an account")
    max_connections: int = Field(default=2000, ge=1)


class SyncSection(_Section):
    """The pipeline from sessions to the database."""

    writers: int = Field(default=1, ge=1, le=16, description="writers in parallel; SQLite always has one")
    batch: int = Field(default=1000, ge=1, le=5000, description="items in one transaction at most")
    linger: float = Field(
        default=0.01, ge=0, le=0.1, description="how long a batch waits for more when there is little"
    )
    mailbox: int = Field(default=4000, ge=1, description="deliveries waiting per writer before sessions are held back")
    window: int = Field(default=32, ge=1, description="uncommitted deliveries of one session at most")


class WebhookSection(_Section):
    """Webhook delivery."""

    allow_private: bool = Field(default=False, description="deliver to loopback and private networks, and over http")
    timeout: float = Field(default=15.0, gt=0, description="limit of one whole exchange")
    connections: int = Field(default=8, ge=1, le=100, description="connections to one endpoint at most")


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

    database_url: str = Field(
        default="sqlite:///data/wasup.db",
        description="sqlite:///path or mysql://user:password@host:port/database",
        validation_alias=AliasChoices("WASUP_DATABASE_URL", "database_url", "DATABASE_URL"),
    )
    data_dir: Path = Path("data")
    max_sessions_per_instance: int = Field(
        default=300,
        ge=1,
        validation_alias=AliasChoices(
            "WASUP_MAX_SESSIONS_PER_INSTANCE", "max_sessions_per_instance", "MAX_SESSIONS_PER_INSTANCE"
        ),
    )
    emulator_url: str | None = Field(
        default=None, description="WhatsApp emulator for accounts of type `emulated`; none: there are no such accounts"
    )
    connect_concurrency: int = Field(default=64, ge=1, description="sessions being opened at the same time at most")
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
        return init_settings, env_settings, dotenv_settings, toml


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
    given = "" if "url" in where.lower() else f" (given: {error['input']!r})"  # URLs may hold passwords
    return f"{where}: {error['msg']}{given}"


def _hint(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
