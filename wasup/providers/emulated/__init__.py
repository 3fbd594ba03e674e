"""The provider of accounts that live in the emulator (`wasup.emulator`)."""

from wasup.providers.emulated.provider import EmulatedProvider

__all__ = ["EmulatedProvider"]
