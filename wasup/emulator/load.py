"""Incoming messages at a steady total rate, for benches and fault campaigns."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import msgspec

from wasup.emulator import wire
from wasup.emulator.account import Account, Chat
from wasup.emulator.journal import Item
from wasup.emulator.people import Person
from wasup.emulator.world import World
from wasup.ports.messages import Message, Text

__all__ = ["LoadGenerator", "LoadRequest"]

_TICK: Final = 0.005
_BURST: Final = 2_000  # messages written in one tick at most, so that the sockets are served between
_SAMPLE: Final = 20_000  # items looked at for percentiles
_NAMES: Final = itertools.count(1)


class LoadRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to generate: `count` messages or `seconds` of them, `rate` a second, spread over the accounts.

    `phones` None means every account that has a device. Messages go to the accounts in turn and, within an
    account, to its chats in turn. Their ids are `3ALOAD{run}X{number}`; `keep` says whether chat histories
    remember them (which costs memory).
    """

    rate: Annotated[float, msgspec.Meta(gt=0, le=100_000)]
    phones: list[str] | None = None
    all: bool = True
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    chats_per_account: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    body_size: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = 100
    keep: bool = False


class LoadGenerator:
    """At most one load at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._request: LoadRequest | None = None
        self._items: list[Item] = []
        self._run = 0
        self._started = 0.0
        self._ended = 0.0
        self._forget()

    def _forget(self) -> None:
        """What `progress` has counted already."""
        self._settled = 0
        self._again = 0
        self._last_acked = 0.0

    def start(self, request: LoadRequest) -> dict[str, object]:
        """Begin.

        Raises:
            ValueError: one runs already, or there is nobody to write to, or no end is given.
            Unknown: an account does not exist.
        """
        if self._task is not None and not self._task.done():
            raise ValueError("a load is running; stop it first")
        if (request.count is None) == (request.seconds is None):
            raise ValueError("either `count` or `seconds` is needed")
        if request.phones is not None:
            accounts = [self._world.known(phone) for phone in request.phones]
        else:
            accounts = list(self._world.accounts.values())
        accounts = [account for account in accounts if account.devices]
        if not accounts:
            raise ValueError("there is no account with a device")
        total = request.count or max(1, round(request.rate * (request.seconds or 0)))
        self._run = next(_NAMES)
        self._request = request
        self._items = []
        self._forget()
        self._started = time.monotonic()
        self._ended = 0.0
        self._task = asyncio.create_task(self._generate(request, accounts, total))
        return {"run": self._run, "accounts": len(accounts), "total": total}

    def stop(self) -> dict[str, object]:
        """End it now; what was given stays given."""
        if self._task is not None:
            self._task.cancel()
        return self.progress()

    @staticmethod
    def _places(accounts: Sequence[Account], per_account: Sequence[list[Chat]]) -> Iterator[tuple[Account, Chat]]:
        """Accounts in turn, and the chats of each in turn, for ever."""
        for turn in itertools.count():
            for account, chats in zip(accounts, per_account, strict=True):
                yield account, chats[turn % len(chats)]

    async def _generate(self, request: LoadRequest, accounts: Sequence[Account], total: int) -> None:
        world = self._world
        per_account = []
        for account in accounts:
            per_account.append(_load_chats(account, request.chats_per_account))
            await asyncio.sleep(0)
        places = self._places(accounts, per_account)
        self._started = time.monotonic()
        filler = "x" * request.body_size
        given = 0
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            while given < total:
                due = min(total, int((loop.time() - begin) * request.rate) + 1)
                for number in range(given, min(due, given + _BURST)):
                    account, chat = next(places)
                    self._write(world, account, chat, number, filler, keep=request.keep)
                    given = number + 1
                await asyncio.sleep(0 if given < due else _TICK)
        finally:
            self._ended = time.monotonic()

    def _write(self, world: World, account: Account, chat: Chat, number: int, filler: str, *, keep: bool) -> None:
        person = chat.person
        assert person is not None
        message = Message(
            id=f"3ALOAD{self._run:X}X{number:08X}",
            chat=chat.id,
            chat_alt=person.alt,
            sender=person.id,
            sender_alt=person.alt,
            from_me=False,
            timestamp=world.clock(),
            content=Text(body=f"{number} {filler}"[: len(filler)]),
            push_name=person.push_name,
            chat_name=chat.name,
        )
        raw = wire.encode(message)
        chat.last_at = message.timestamp
        chat.unread += 1
        if keep:
            chat.kept.append((message.id, raw, False))
        self._items += world.give(account, message.id, "message", chat.id, raw)

    def progress(self) -> dict[str, object]:
        """How far it is, and how long items took from given to handed over and to acknowledged (ms).

        Cheap enough to be asked for during a bench: what is settled is counted once, and the percentiles come
        from a sample of 20,000 items at most (p100 is the sample's).
        """
        items = self._items
        settled = self._settled
        while settled < len(items) and items[settled].acked:
            self._again += items[settled].times - 1
            self._last_acked = max(self._last_acked, items[settled].acked)
            settled += 1
        self._settled = settled
        rest = items[settled:]
        acked = settled + sum(1 for item in rest if item.acked)
        last_acked = max(self._last_acked, max((item.acked for item in rest), default=0.0))
        end = self._ended or time.monotonic()
        seconds = end - self._started if self._started else 0.0
        sample = items[:: len(items) // _SAMPLE + 1]
        return {
            "run": self._run,
            "running": self._task is not None and not self._task.done(),
            "given": len(items),
            "handed_over": settled + sum(1 for item in rest if item.handed),
            "acknowledged": acked,
            "handed_again": self._again + sum(item.times - 1 for item in rest if item.times > 1),
            "seconds": seconds,
            "given_per_second": len(items) / seconds if seconds else 0.0,
            "acknowledged_per_second": acked / (last_acked - self._started) if acked else 0.0,
            "given_to_handed_ms": _percentiles([item.handed - item.given for item in sample if item.handed]),
            "given_to_acknowledged_ms": _percentiles([item.acked - item.given for item in sample if item.acked]),
        }


def _load_chats(account: Account, count: int) -> list[Chat]:
    """Chats with made-up people, the same at every run."""
    chats = []
    for number in range(count):
        phone = f"4930{number:07d}"
        known = account.book.get(f"{phone}@c.us")
        person = known or account.meet(Person(phone=phone, push_name=f"load {number}"))
        chats.append(account.open_chat(person.id))
    return chats


def _percentiles(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    values.sort()
    last = len(values) - 1
    return {f"p{share}": round(values[round(last * share / 100)] * 1000, 3) for share in (50, 90, 99, 100)}
