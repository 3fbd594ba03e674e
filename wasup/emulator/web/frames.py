"""Frames that only the page and its door exchange, beside those of `wasup.emulator.wire`.

Questions carry `n` and are answered by one frame with the same `n`, or by `failed`. What the port knows travels in
its own shapes, as JSON that is ready already.
"""

from typing import Literal, TypeAlias

import msgspec

from wasup.emulator import wire
from wasup.ports.messages import ChatChanged, ContactChanged, GroupChanged, MessageStatus

__all__ = [
    "Break",
    "Existing",
    "Exists",
    "Find",
    "Found",
    "LatestEdit",
    "PageFrame",
    "Picture",
    "PictureAt",
    "Reacted",
    "Shown",
    "Sync",
    "Synced",
    "decoder",
]


class _Frame(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="t", gc=False):
    """Base of all frames."""


# -- page to emulator -----------------------------------------------------------------------------------------


class Sync(_Frame, tag="sync"):
    """Ask for everything that a client knows after a login; answered by `synced`."""

    n: int


class Find(_Frame, tag="find"):
    """Ask for messages of a chat as they are now; answered by `found`.

    `direction` is seen from the message with the id `anchor`: so many `before` or `after` it, or itself (`at`). Without
    an anchor: the last ones before now, or the first ones.
    """

    n: int
    chat: str
    direction: Literal["before", "after", "at"]
    count: int
    anchor: str | None = None


class Exists(_Frame, tag="exists"):
    """Ask whether somebody is on WhatsApp; answered by `existing`."""

    n: int
    id: str


class Picture(_Frame, tag="picture"):
    """Ask for somebody's profile picture; answered by `picture_at`."""

    n: int
    id: str


PageFrame: TypeAlias = wire.ClientFrame | Sync | Find | Exists | Picture


# -- emulator to page -----------------------------------------------------------------------------------------


class LatestEdit(msgspec.Struct, kw_only=True, gc=False):
    """What a message says now; `id` is the edit's, `at` epoch milliseconds."""

    id: str
    body: str
    at: int


class Reacted(msgspec.Struct, kw_only=True, gc=False):
    """The latest reaction of one person to a message."""

    id: str
    sender: str
    from_me: bool
    emoji: str
    at: int


class Shown(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A message, and what became of it since."""

    message: msgspec.Raw
    status: MessageStatus | None = None
    edit: LatestEdit | None = None
    revoked: bool = False
    reactions: list[Reacted] = []


class Synced(_Frame, tag="synced"):
    """Everything; `latest` is the last message of each chat that has one."""

    n: int
    chats: list[ChatChanged]
    contacts: list[ContactChanged]
    groups: list[GroupChanged]
    latest: list[Shown]


class Found(_Frame, tag="found"):
    """Messages, oldest first. `known` false: the chat does not have the anchor (any more)."""

    n: int
    messages: list[Shown]
    known: bool


class Existing(_Frame, tag="existing"):
    """The two identities of somebody; both missing: not on WhatsApp."""

    n: int
    id: str | None = None
    alt: str | None = None


class PictureAt(_Frame, tag="picture_at"):
    """Where on this server the picture is; missing: there is none."""

    n: int
    path: str | None = None


class Break(_Frame, tag="break"):
    """Break now: `crash`, `hang`, `module_missing` or `module_changed`."""

    what: str
    module: str | None = None
    member: str | None = None


def decoder() -> msgspec.json.Decoder[PageFrame]:
    """A decoder of what pages say."""
    return msgspec.json.Decoder(PageFrame)
