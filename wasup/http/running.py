"""Settings that an admin changes while wasup runs. They are stored in the database, and hold on every instance."""

import logging
from typing import Annotated, Any, Final

import msgspec
import trio

from wasup.http.auth import Doorkeeper
from wasup.http.services import HttpSettings
from wasup.ports.resources import SettingStore
from wasup.ports.store import StoreError

__all__ = ["Changes", "RunSettings", "Values"]

_log = logging.getLogger(__name__)
_BELIEVED: Final = 5.0  # seconds after which a change made elsewhere holds here
_PATIENCE: Final = 0.5  # a database that is slow must not slow what needs none

Region = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", description="Two letters, such as BR.")]
Rate = Annotated[float, msgspec.Meta(ge=0.01, le=1_000_000)]


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that hold now.

    Attributes:
        default_region: country of phone numbers that come without one; null to refuse those.
        rate_per_key: requests a second with one key; twice as many at once.
        rate_per_address: the same from one address.
        wrong_keys_per_minute: wrong API keys from one address; as many at once.
        legacy_enabled: serve the old service's routes.
    """

    default_region: Region | None
    rate_per_key: Rate
    rate_per_address: Rate
    wrong_keys_per_minute: Rate
    legacy_enabled: bool


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Settings to be changed; null goes back to what the configuration says, what is left out stays."""

    default_region: Region | msgspec.UnsetType | None = msgspec.UNSET
    rate_per_key: Rate | msgspec.UnsetType | None = msgspec.UNSET
    rate_per_address: Rate | msgspec.UnsetType | None = msgspec.UNSET
    wrong_keys_per_minute: Rate | msgspec.UnsetType | None = msgspec.UNSET
    legacy_enabled: bool | msgspec.UnsetType | None = msgspec.UNSET


class RunSettings:
    """Reads and changes them, and sets what they are about.

    Args:
        store: where changes are kept.
        configured: what holds where nothing was changed.
        door: whose limits are set.
    """

    def __init__(self, store: SettingStore, configured: HttpSettings, door: Doorkeeper) -> None:
        self._store = store
        self._door = door
        self._configured: dict[str, Any] = {name: getattr(configured, name) for name in Values.__struct_fields__}
        self._read_at = -1e9
        self.values = Values(**self._configured)

    async def refresh(self) -> None:
        """Take over what was changed since, unless that was asked a moment ago; a database that is away is no error."""
        now = trio.current_time()
        if now - self._read_at < _BELIEVED:
            return
        self._read_at = now
        try:
            with trio.move_on_after(_PATIENCE):
                self._take(await self._store.read_settings())
        except StoreError as error:
            _log.info("settings could not be read: %s", type(error).__name__)

    async def change(self, changes: Changes) -> Values:
        """Store changes; they hold here at once.

        Raises:
            DatabaseUnavailable: nothing was changed, or it is not known.
        """
        given = {name: getattr(changes, name) for name in changes.__struct_fields__}
        await self._store.write_settings(
            {
                name: None if value is None else msgspec.json.encode(value).decode()
                for name, value in given.items()
                if value is not msgspec.UNSET
            }
        )
        self._take(await self._store.read_settings())
        return self.values

    def _take(self, stored: dict[str, str]) -> None:
        values = dict(self._configured)
        for name in self._configured:
            if name in stored:
                values[name] = msgspec.json.decode(stored[name])
        try:
            self.values = msgspec.convert(values, Values)
        except msgspec.ValidationError as error:  # written by another version, or by hand
            _log.warning("stored settings do not fit: %s", error)
            return
        door, now = self._door, self.values
        door.per_key.rate, door.per_key.burst = now.rate_per_key, 2 * now.rate_per_key
        door.per_address.rate, door.per_address.burst = now.rate_per_address, 2 * now.rate_per_address
        door.guesses.rate, door.guesses.burst = now.wrong_keys_per_minute / 60, now.wrong_keys_per_minute
