"""The provider of accounts on WhatsApp Web (`webjs`), in real Chromium with wa-js in its page."""

from wasup.providers.webjs.limits import Limits
from wasup.providers.webjs.provider import WHATSAPP_WEB, WebjsProvider

__all__ = ["WHATSAPP_WEB", "Limits", "WebjsProvider"]
