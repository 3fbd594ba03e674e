"""The webhooks of the Node service that wasup replaces, so that the back end behind it works unchanged.

Pure functions: an event and what is known besides become calls, each a path and a body; `sign` makes their headers.
"""

from wasup.webhooks.legacy.calls import CHAT_SYNC, WEBHOOK, LegacyCall, Question
from wasup.webhooks.legacy.ids import UnknownPhone, serialized_id
from wasup.webhooks.legacy.qr import qr_image
from wasup.webhooks.legacy.signature import legacy_headers, legacy_url, sign
from wasup.webhooks.legacy.translate import needs, translate

__all__ = [
    "CHAT_SYNC",
    "WEBHOOK",
    "LegacyCall",
    "Question",
    "UnknownPhone",
    "legacy_headers",
    "legacy_url",
    "needs",
    "qr_image",
    "serialized_id",
    "sign",
    "translate",
]
