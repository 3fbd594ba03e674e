"""How long things may take, in seconds."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Deadlines of a session in a browser. Those of the whole login are the session actor's.

    Attributes:
        load: until WhatsApp's page has begun to load.
        start: from there until wa-js is at work in it.
        answer: of a call that needs no transfer.
        transfer: of one that waits until WhatsApp has taken a message, looks through history, or asks WhatsApp for many
            groups; a file has its own time on top of it.
        download: of one that has WhatsApp's page fetch a file; whoever asked knows better how large it is.
        pulse: between two thoughts of whether a ready page may hang.
        beat: within which one that may has to say that it lives.
        hang: within which a page that did not answer must answer something trivial, or it hangs.
        farewell: in which WhatsApp has to confirm a log-out.
        heal: in which a page that has lost its connection must have mended it.
        measure: between two measurements of memory.
        quiet: nothing sent and nothing received for so long is a good moment to recycle a browser.
        recycle: for how long a browser is not recycled at a good moment: what it needs so early it will need again.
    """

    load: float = 30.0
    start: float = 30.0
    answer: float = 15.0
    transfer: float = 300.0
    download: float = 7200.0
    pulse: float = 2.0
    beat: float = 6.0
    hang: float = 3.0
    farewell: float = 5.0
    heal: float = 60.0
    measure: float = 30.0
    quiet: float = 5.0
    recycle: float = 1800.0
