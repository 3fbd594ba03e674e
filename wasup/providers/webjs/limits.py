"""How long things may take, in seconds."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Deadlines of a session in a browser. Those of the whole login are the session actor's.

    Attributes:
        load: until WhatsApp's page has begun to load.
        start: from there until wa-js is at work in it; later means that WhatsApp is another than we know.
        answer: of a call that needs no transfer.
        transfer: of one that moves media, or waits until WhatsApp has taken a message.
        hang: within which a page that did not answer must answer something trivial, or it hangs.
        heal: in which a page that has lost its connection must have mended it.
        measure: between two measurements of memory.
        quiet: nothing sent and nothing received for so long is a good moment to recycle a browser.
    """

    load: float = 30.0
    start: float = 30.0
    answer: float = 15.0
    transfer: float = 300.0
    hang: float = 3.0
    heal: float = 60.0
    measure: float = 30.0
    quiet: float = 5.0
