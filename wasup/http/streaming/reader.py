"""The life of one stream, whatever carries it: what it missed, then what happens, and a farewell with its reason."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import msgspec
import trio

from wasup.actors.event_hub import EventHub
from wasup.actors.followers import Follower, Interest
from wasup.http.streaming.backlog import Backlog, Log
from wasup.http.streaming.frames import BYE, HEARTBEAT, Frame
from wasup.http.streaming.position import Position
from wasup.ports.store import DatabaseUnavailable

__all__ = ["FAREWELLS", "EventReader", "Pace"]

FAREWELLS: Final[dict[str, str]] = {
    "slow_reader": "What was to be told has piled up: it is taken too slowly.",
    "revoked": "The API key was revoked, or the login is over.",
    "expired": "The API key has expired.",
    "shutting_down": "wasup is being stopped or restarted; connect again soon.",
    "too_many": "There are too many streams; connect again later.",
}
"""Why a stream ends that the client has not ended, for people."""

_BATCH: Final = 100  # frames that are sent at once
_RETRY: Final = 1.0  # seconds until a database that is away is asked again


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often something is done, in seconds.

    Attributes:
        heartbeat: a sign of life in a stream that has nothing to tell.
        check: a look whether the stream may go on.
    """

    heartbeat: float = 15.0
    check: float = 2.0


class Farewell(msgspec.Struct, frozen=True, kw_only=True):
    """Why a stream ends, and where to resume."""

    reason: str
    detail: str
    resume: str


class EventReader:
    """One stream.

    Args:
        hub: tells what happens.
        log: has what was missed.
        interest: what is to be told.
        position: where to resume; None to begin now.
        kept_since: older events (UTC ms) may have been removed from the log.
        room: takes a place among the streams while it is open; False if there is none.
        why_over: asked now and then; the name of a farewell when the stream must end.
        pace: how often.
    """

    def __init__(
        self,
        hub: EventHub,
        log: Log,
        interest: Interest,
        *,
        position: Position | None,
        kept_since: int,
        room: Callable[[], AbstractContextManager[bool]],
        why_over: Callable[[], Awaitable[str | None]],
        pace: Pace,
    ) -> None:
        self._hub = hub
        self._log = log
        self._interest = interest
        self._resumes = position is not None
        self._position = position or Position(boot=hub.boot, number=0)
        self._kept_since = kept_since
        self._room = room
        self._why_over = why_over
        self._pace = pace
        self._next_check = trio.current_time() + pace.check

    async def frames(self) -> AsyncGenerator[list[Frame], None]:
        """What is to be sent, a few frames at a time. The last frame is a farewell."""
        with self._room() as free, self._hub.following(self._interest) as follower:
            if not free:
                follower.end("too_many")
            backlog = self._begin(follower)
            yield [self._heartbeat()]
            while True:
                reason = follower.ended or await self._check()
                if reason is not None:
                    yield [self._farewell(reason)]
                    return
                frames = None
                if backlog is not None:
                    frames = await self._missed(backlog)
                    if frames is None:
                        backlog = None
                if frames is None:
                    frames = await self._live(follower)
                if frames:
                    yield frames

    def _begin(self, follower: Follower) -> Backlog | None:
        """Begin where the client was, or now."""
        if self._resumes:
            return Backlog(self._hub, self._log, follower, self._position, kept_since=self._kept_since)
        heads = self._hub.begin(follower)
        if self._interest.accounts is not None:
            self._position.sequences = heads
        self._catch_up()
        return None

    async def _check(self) -> str | None:
        now = trio.current_time()
        if now < self._next_check:
            return None
        self._next_check = now + self._pace.check
        try:
            return await self._why_over()
        except DatabaseUnavailable:
            return None  # it cannot be told: asked again soon

    async def _missed(self, backlog: Backlog) -> list[Frame] | None:
        try:
            return await backlog.page()
        except DatabaseUnavailable:
            await trio.sleep(_RETRY)
            return [self._heartbeat()]

    async def _live(self, follower: Follower) -> list[Frame]:
        quiet_until = trio.current_time() + self._pace.heartbeat
        while not (told := follower.take(_BATCH)):
            now = trio.current_time()
            if follower.ended is not None:
                return []
            if now >= quiet_until:
                self._catch_up()
                return [self._heartbeat()]
            if now >= self._next_check:
                reason = await self._check()
                if reason is not None:
                    follower.end(reason)
                continue
            await follower.wait(min(quiet_until, self._next_check) - now)
        frames = []
        for one in told:
            self._position.advance(one)
            frames.append(Frame(one.kind, self._position.cursor(), one.json))
        return frames

    def _catch_up(self) -> None:
        """Nothing waits: what the hub has told by now was told here, or was not for this stream."""
        if self._position.sequences:
            self._position.sequences = self._hub.heads(self._interest)
        else:
            self._position.settled = max(self._position.settled, self._hub.settled)
        self._position.number = self._hub.tree_number

    def _heartbeat(self) -> Frame:
        return Frame(HEARTBEAT, self._position.cursor())

    def _farewell(self, reason: str) -> Frame:
        cursor = self._position.cursor()
        farewell = Farewell(reason=reason, detail=FAREWELLS[reason], resume=cursor)
        return Frame(BYE, cursor, msgspec.json.encode(farewell))
