"""Compares the emulator's log with the database and with what the receiver got."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
from rich.table import Table

from tests.chaos.stage import Stage

__all__ = ["Outage", "Verdict", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A fault that happened; monotonic seconds of this machine, which the emulator shares."""

    name: str
    begun: float
    ended: float


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What is to be printed, and what must be nought.

    Attributes:
        given: messages that WhatsApp had for the accounts.
        misplaced: messages that stand in their chat before one that was written earlier.
        sends: accepted by the API; `sends_lost` of them never reached WhatsApp, `sends_doubled` did twice.
        untold: stored messages without exactly one event of their own.
        events: rows of the log; `undelivered` of them never reached the receiver.
        webhooks_misplaced: first deliveries that came after one with a higher sequence.
        again: deliveries of an event that the receiver had already.
        longest: seconds without any acknowledged message, at most, by fault.
        how_often: faults by name.
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
    undelivered: int
    webhooks_misplaced: int
    again: int
    restarts: int
    lost_commits: int
    peak: int
    longest: dict[str, float] = field(default_factory=dict)
    how_often: dict[str, int] = field(default_factory=dict)
    settled: bool = True

    @property
    def right(self) -> bool:
        """Whether nothing was lost, doubled or out of order, and all was delivered."""
        bad = (self.lost, self.doubled, self.misplaced, self.sends_lost, self.sends_doubled, self.undelivered)
        return self.settled and not any(bad) and not self.webhooks_misplaced and not self.untold and self.given > 0

    def tables(self) -> list[Table]:
        """To be printed."""
        figures = Table("", "figure", "must be", title="Campaign", title_justify="left")
        for name, figure, must in (
            ("messages given by WhatsApp", self.given, ""),
            ("stored", self.stored, ""),
            ("lost", self.lost, "0"),
            ("doubled rows", self.doubled, "0"),
            ("out of order in their chat", self.misplaced, "0"),
            ("sends accepted", self.sends, ""),
            ("sends lost", self.sends_lost, "0"),
            ("sends that arrived twice", self.sends_doubled, "0"),
            ("events", self.events, ""),
            ("messages without exactly one event", self.untold, "0"),
            ("events never delivered", self.undelivered, "0"),
            ("first deliveries out of order", self.webhooks_misplaced, "0"),
            ("duplicates delivered", self.again, ""),
            ("wasup started again", self.restarts, ""),
            ("answers to COMMIT lost", self.lost_commits, ""),
            ("peak memory, MB", round(self.peak / 1e6), ""),
        ):
            shown = f"[bold red]{figure}[/bold red]" if must and figure else str(figure)
            figures.add_row(name, shown, must)
        faults = Table(
            "fault", "times", "longest time without a stored message, s", title="Faults", title_justify="left"
        )
        for name in sorted(self.how_often):
            faults.add_row(name, str(self.how_often[name]), f"{self.longest.get(name, 0):.1f}")
        return [figures, faults]


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
        undelivered=len(events - {row["id"] for row in received}),
        webhooks_misplaced=back_end["out_of_order"],
        again=back_end["again"],
        restarts=stage.restarts,
        lost_commits=stage.database_link.lost_commits,
        peak=stage.peak,
        longest=_longest(outages, [row["t"] for row in await stage.emulator.log(kind="acknowledged")]),
        how_often={name: sum(outage.name == name for outage in outages) for name in {o.name for o in outages}},
    )


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
    silences = [(before, after) for before, after in pairwise(sorted(acknowledged)) if after - before > 0.1]
    for outage in outages:
        for before, after in silences:
            if before < outage.ended and after > outage.begun:
                longest[outage.name] = max(longest[outage.name], after - before)
    return dict(longest)
