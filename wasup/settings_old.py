"""Names of the old service's environment, where they mean the same here; the rest of them has no meaning any more."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

__all__ = ["OLD_NAMES", "OldNames", "take_old_names"]

_log = logging.getLogger(__name__)


def _milliseconds(text: str) -> object:
    return float(text) / 1000 if text.strip().isdigit() else text


# Old name -> section, key, conversion. Of several names for one key the first that is set counts.
_MEANINGS: Final[dict[str, tuple[str, str, Callable[[str], object]]]] = {
    "PORT": ("http", "port", str),
    "API_KEY": ("legacy", "api_key", str),
    "LARAVEL_API_TOKEN": ("legacy", "api_key", str),
    "HMAC_SECRET": ("legacy", "hmac_secret", str),
    "API_SECRET": ("legacy", "hmac_secret", str),
    "LARAVEL_URL": ("legacy", "backend_url", str),
    "WEBHOOK_TIMEOUT": ("webhooks", "timeout", _milliseconds),
    "WHATSAPP_SYNC_WINDOW_DAYS": ("sync", "history_days", str),
}
_REDIS: Final = ("REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD")
_WITHOUT_MEANING: Final = frozenset({
    "API_TOKEN", "AUTH_STRATEGY", "CLEANUP_DRY_RUN", "INSTANCE_ID", "INSTANCE_INDEX", "LARAVEL_API_URL",
    "LARAVEL_WEBHOOK_URL", "LOG_FILE", "LOG_LEVEL", "LOG_MAX_FILES", "LOG_MAX_SIZE", "NODE_ENV",
    "REDIS_BACKUP_PATH", "REDIS_ENABLE_BACKUP", "REDIS_SESSION_PREFIX", "REDIS_SESSION_TTL", "SESSION_STORAGE_PATH",
    "WEBHOOK_MAX_RETRIES", "WHATSAPP_SYNC_BATCH_SIZE", "WHATSAPP_SYNC_MAX_CHATS", "WHATSAPP_SYNC_MAX_CONCURRENT",
    "WHATSAPP_SYNC_RETRY_ATTEMPTS", "WHATSAPP_SYNC_RETRY_DELAY_MS",
})  # fmt: skip
OLD_NAMES: Final = frozenset(_MEANINGS) | frozenset(_REDIS) | _WITHOUT_MEANING
"""Every name that the old service read and that is no name of a setting here."""


class OldNames(PydanticBaseSettingsSource):
    """What the old service's names say, as values of our settings.

    Args:
        settings_cls: the settings.
        environment: names and values; empty ones count as not set.
    """

    def __init__(self, settings_cls: type[BaseSettings], environment: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._given = {name.upper(): value for name, value in environment.items() if value}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - its shape
        """Nothing by field: all at once is easier."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values, section by section."""
        values: dict[str, Any] = {}
        for name, (section, key, convert) in _MEANINGS.items():
            if name in self._given:
                values.setdefault(section, {}).setdefault(key, convert(self._given[name]))
        host = self._given.get("REDIS_HOST")
        if host is not None and "REDIS_URL" not in self._given:
            password = self._given.get("REDIS_PASSWORD")
            login = f":{quote(password, safe='')}@" if password else ""
            place = f"{host}:{self._given.get('REDIS_PORT', '6379')}/{self._given.get('REDIS_DB', '0')}"
            values["redis_url"] = f"redis://{login}{place}"
        return values


def take_old_names(dotenv: dict[str, str | None]) -> dict[str, str | None]:
    """Take the old service's names out of what a `.env` file says, and tell once of those without meaning."""
    taken = {name: dotenv.pop(name) for name in list(dotenv) if name.upper() in OLD_NAMES}
    idle = sorted(name.upper() for name in taken if name.upper() in _WITHOUT_MEANING)
    if idle:
        _log.warning("settings of the old service in .env that mean nothing here: %s", ", ".join(idle))
    return taken
