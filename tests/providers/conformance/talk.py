"""What is said in the tests, by whom, and how it is listened to."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import trio
import trio.testing

from wasup.ports.disconnects import Disconnected
from wasup.ports.messages import (
    Audio,
    ContactCards,
    Content,
    Document,
    Edit,
    Image,
    Location,
    MediaRef,
    Reaction,
    Revoke,
    Sticker,
    Text,
    Video,
    Voice,
)
from wasup.ports.session import (
    Delivery,
    Login,
    Provider,
    Session,
    SessionEvent,
)

__all__ = [
    "ADA",
    "GRACE",
    "LINUS",
    "NOBODY",
    "PATIENCE",
    "collect",
    "contents",
    "how_it_ends",
    "shown",
    "the_end",
    "until",
]

PATIENCE = 8.0  # seconds that any one thing may take here; a bound for real I/O, never waited out in a good run

ADA = "15550001111@c.us"  # addressed by phone number, LID known
GRACE = "15550002222@c.us"  # addressed by LID
LINUS = "15550003333@c.us"  # LID not known
NOBODY = "00012345678@c.us"


_VCARD = "BEGIN:VCARD\nVERSION:3.0\nFN:{}\nEND:VCARD"
_T = TypeVar("_T")


def contents(target: str, media: Callable[[str], MediaRef]) -> list[Content]:
    """One content of each type, or more where they differ; the last ones are about the message `target`."""
    return [
        Text(body="plain, naïve, 你好, 👩🏽‍🚀, \u202eback\u202c"),
        Image(media=media("image/png"), caption="a picture"),
        Image(media=media("image/jpeg")),
        Video(media=media("video/mp4"), caption="a film"),
        Audio(media=media("audio/mpeg"), seconds=3),
        Voice(media=media("audio/ogg; codecs=opus"), seconds=7),
        Document(media=media("application/pdf"), caption="a file"),
        Sticker(media=media("image/webp")),
        Location(latitude=-23.5505, longitude=-46.6333, name="Sé", address="Praça da Sé"),
        ContactCards(vcards=(_VCARD.format("Ada"),)),
        ContactCards(vcards=(_VCARD.format("Ada"), _VCARD.format("Grace"))),
        Reaction(target_id=target, emoji="🎉"),
        Reaction(target_id=target, emoji=""),
        Edit(target_id=target, body="better"),
        Revoke(target_id=target),
    ]


def shown(content: Content) -> Any:
    """A content as it can be compared: where its bytes are is the provider's own affair."""
    plain = msgspec.to_builtins(content)
    return plain | {"media": plain["media"] | {"ref": "…"}} if "media" in plain else plain


async def until(session: Session, kind: type[_T], wanted: Callable[[_T], bool] = lambda _: True) -> _T:
    """The next event of a kind; others are passed over."""
    with trio.fail_after(PATIENCE):
        while True:
            event: SessionEvent = await session.receive()
            if isinstance(event, kind) and wanted(event):
                return event


async def collect(session: Session, kind: type[_T], count: int, *, acknowledge: bool = True) -> list[_T]:
    """So many items of a kind, in order; deliveries are acknowledged as they come."""
    found: list[_T] = []
    while len(found) < count:
        delivery = await until(session, Delivery)
        found += [item for item in delivery.items if isinstance(item, kind)]
        if acknowledge:
            await session.acknowledge([delivery.token])
    return found


async def the_end(session: Session) -> Disconnected:
    """How the session ends."""
    with trio.fail_after(PATIENCE):
        try:
            while True:
                await session.receive()
        except Disconnected as end:
            return end


async def how_it_ends(provider: Provider, login: Login) -> Disconnected:
    """How a session ends that is opened only to see that; on entering, or later."""
    try:
        async with provider.open(login) as session:
            return await the_end(session)
    except Disconnected as end:
        return end
