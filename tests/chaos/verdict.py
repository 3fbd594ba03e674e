"""Compares the emulator's log with the database and with what the receiver got."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
from rich.table import Table

from tests.chaos.proxy import Mode
from tests.chaos.stage import Stage
from wasup.cli.demo.api import Api

__all__ = ["Outage", "Verdict", "judge", "recent_chats"]

_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A fault that happened; monotonic seconds of this machine, which the emulator shares.

    Attributes:
        felt: whether there was a process, connection or request that it has hit.
    """

    name: str
    begun: float
    ended: float
    felt: bool


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is to be printed, and what must be nought.

    Attributes:
        given: messages that WhatsApp had for the accounts.
        misplaced: messages that stand in their chat before one that was written earlier.
        sends: accepted by the API; `sends_lost` of them never reached WhatsApp, `sends_doubled` did twice.
        untold: stored messages without exactly one event of their own.
        events: rows of the log; `delivered` of them reached the receiver at least once.
        webhooks_misplaced: first deliveries that came after one with a higher sequence.
        again: deliveries of an event that the receiver had already.
        stale: accounts whose recent chats, as the API tells them, are not those of the database.
        cached: how often recent chats came from Redis since wasup's last start.
        peak: what a wasup process held at most, bytes; `most` is what it may.
        longest: outages: seconds without any acknowledged message, at most, by fault.
        how_often: faults by name.
        unfelt: faults that should have happened, and have not, or nothing has felt them.
        settled: whether everything came to rest in time.
    """

    given: int
    stored: int
    lost: int
    doubled: int
    misplaced: int
    sends: int
    sends_lost: int
    sends_doubled: int
    untold: int
    events: int
    delivered: int
    webhooks_misplaced: int
    again: int
    restarts: int
    lost_commits: int
    stale: int
    cached: int
    peak: int
    most: float = math.inf
    longest: dict[str, float] = field(default_factory=dict)
    how_often: dict[str, int] = field(default_factory=dict)
    unfelt: set[str] = field(default_factory=set)
    settled: bool = True

    @property
    def right(self) -> bool:
        """Whether nothing was lost, doubled or out of order, all was delivered, and every figure is as it must be."""
        return all(_fits(figure, must) for _, figure, must in self.lines())

    def lines(self) -> list[tuple[str, int, str]]:
        """What is printed: each figure, and what it must be."""
        return [
            ("given by WhatsApp", self.given, "> 0"),
            ("stored", self.stored, ""),
            ("lost", self.lost, "0"),
            ("doubled rows", self.doubled, "0"),
            ("out of order in their chat", self.misplaced, "0"),
            ("without exactly one event", self.untold, "0"),
            ("sends accepted", self.sends, ""),
            ("sends lost", self.sends_lost, "0"),
            ("sends that arrived twice", self.sends_doubled, "0"),
            ("events", self.events, ""),
            ("delivered at least once", self.delivered, ""),
            ("never delivered", self.events - self.delivered, "0"),
            ("out of order at first delivery", self.webhooks_misplaced, "0"),
            ("duplicates delivered", self.again, ""),
            ("recent chats that came from Redis", self.cached, "> 0"),
            ("accounts whose recent chats are stale", self.stale, "0"),
            ("wasup started again", self.restarts, ""),
            ("answers to COMMIT lost", self.lost_commits, ""),
            ("faults that were not felt", len(self.unfelt), "0"),
            ("peak memory, MB", round(self.peak / 1e6), ""),
            (f"above the {self.most / 1e6:.0f} MB allowed", max(0, round((self.peak - self.most) / 1e6)), "0"),
            ("not at rest in the end", int(not self.settled), "0"),
        ]

    def tables(self) -> list[Table]:
        """To be printed."""
        figures = Table("", "figure", "must be", title="Campaign", title_justify="left")
        for name, figure, must in self.lines():
            shown = str(figure) if _fits(figure, must) else f"[bold red]{figure}[/bold red]"
            figures.add_row(name, shown, must)
        faults = Table("cause", "times", "longest outage, s", title="Faults", title_justify="left")
        for name in sorted(self.how_often.keys() | self.unfelt):
            unfelt = " [bold red](never felt)[/bold red]" if name in self.unfelt else ""
            faults.add_row(name + unfelt, str(self.how_often.get(name, 0)), f"{self.longest.get(name, 0):.1f}")
        return [figures, faults]


def _fits(figure: int, must: str) -> bool:
    return {"": True, "0": figure == 0, "> 0": figure > 0}[must]


class _Told(msgspec.Struct):
    message_id: str


async def judge(stage: Stage, outages: list[Outage], sent: list[tuple[str, str]]) -> Verdict:
    """Look at everything, once all is at rest.

    Args:
        stage: where it happened.
        outages: what was done.
        sent: phone and message id of every send that the API accepted.
    """
    log = await stage.emulator.log(kind="given")
    given: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in log:
        if row["item"] == "message":
            given[row["phone"], row["chat"]].append(row["id"])
    wanted = {(phone, message) for (phone, _), messages in given.items() for message in messages}
    rows = await stage.rows(
        "SELECT a.phone_number, m.message_id, m.chat_id FROM messages m JOIN whatsapp_accounts a"
        " ON a.id=m.whatsapp_account_id WHERE m.from_me=0 ORDER BY m.chat_id, m.id"
    )
    stored = [(phone.removeprefix("+"), message, chat) for phone, message, chat in rows]
    found = {(phone, message) for phone, message, _ in stored}
    taken = [(row["phone"], row["id"]) for row in await stage.emulator.log(kind="send")]
    log_rows = await stage.rows("SELECT event_id, type, body FROM events")
    events = {event_id for event_id, _, _ in log_rows}
    told = Counter(
        msgspec.json.decode(body, type=_Told).message_id for _, kind, body in log_rows if kind == "message.received"
    )
    received = await stage.emulator.backend_log()
    back_end = await stage.emulator.backend()
    return Verdict(
        given=len(wanted),
        stored=len(found & wanted),
        lost=len(wanted - found),
        doubled=len(stored) - len(found),
        misplaced=_misplaced(given, stored),
        sends=len(sent),
        sends_lost=len(set(sent) - set(taken)),
        sends_doubled=len(taken) - len(set(taken)),
        untold=sum(told[message] != 1 for _, message in wanted),
        events=len(events),
        delivered=len(events & {row["id"] for row in received}),
        webhooks_misplaced=back_end["out_of_order"],
        again=back_end["again"],
        restarts=stage.restarts,
        lost_commits=stage.database_link.felt[Mode.LOSE_COMMIT],
        stale=await _stale(stage),
        cached=int((await stage.wasup.metrics())['wasup_recent_chats_cache_total{result="hit"}']),
        peak=stage.peak,
        longest=_longest(outages, [row["t"] for row in await stage.emulator.log(kind="acknowledged")]),
        how_often={name: sum(outage.name == name for outage in outages) for name in {o.name for o in outages}},
    )


async def recent_chats(api: Api, account_id: int) -> list[tuple[int, str | None, int]]:
    """The most recent chats of an account: id, last message, and how many are unread."""
    page = await api.call("GET", f"/api/accounts/{account_id}/chats", params={"limit": _PAGE})
    return [(chat["id"], chat["last_message"], chat["unread_count"]) for chat in page["data"]]


async def _stale(stage: Stage) -> int:
    """How many accounts' recent chats the API tells wrongly, be it only at first or only at second sight."""
    rows = await stage.rows(
        "SELECT whatsapp_account_id, id, last_message, unread_count FROM chats ORDER BY last_message_at DESC, id DESC"
    )
    stored: dict[int, list[tuple[int, str | None, int]]] = defaultdict(list)
    for account_id, *chat in rows:
        stored[account_id].append(tuple(chat))
    stale = set()
    async with stage.wasup.api() as api:
        for account_id in [*stage.phones.values()] * 2:
            if await recent_chats(api, account_id) != stored[account_id][:_PAGE]:
                stale.add(account_id)
    return len(stale)


def _misplaced(given: dict[tuple[str, str], list[str]], stored: list[tuple[str, str, int]]) -> int:
    place = {(phone, id_): number for (phone, _), ids in given.items() for number, id_ in enumerate(ids)}
    chats: dict[int, list[int]] = defaultdict(list)
    for phone, message, chat in stored:
        if (phone, message) in place:
            chats[chat].append(place[phone, message])
    return sum(later < earlier for places in chats.values() for earlier, later in pairwise(places))


def _longest(outages: list[Outage], acknowledged: list[float]) -> dict[str, float]:
    """The longest silence that touches each fault."""
    longest: dict[str, float] = defaultdict(float)
    times = sorted([*acknowledged, *(outage.begun for outage in outages[:1])])  # it may be silent from the beginning
    silences = [(before, after) for before, after in pairwise(times) if after - before > 0.1]
    for outage in outages:
        for before, after in silences:
            if before < outage.ended and after > outage.begun:
                longest[outage.name] = max(longest[outage.name], after - before)
    return dict(longest)
