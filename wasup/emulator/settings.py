"""How the emulator behaves; every field is a flag of `python -m wasup.emulator`."""

from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ["EmulatorSettings"]


_T = TypeVar("_T")


def _flag(default: _T, text: str) -> _T:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """Settings of one emulator process. Times are seconds.

    Attributes are described by the help text beside each: it is what `--help` prints.
    """

    host: str = _flag("127.0.0.1", "address to listen on")
    port: int = _flag(0, "port to listen on; 0 takes any free one")
    tls_port: int = _flag(-1, "port for the page as web.whatsapp.com (TLS, self-signed); 0 takes any free one, -1 none")
    qr_count: int = _flag(6, "QR codes offered in one attempt")
    qr_first_ttl: float = _flag(60.0, "life of the first QR code")
    qr_ttl: float = _flag(20.0, "life of each later QR code")
    pairing_codes_per_hour: int = _flag(5, "pairing codes given to one number an hour; then 429")
    restart_after_pairing: bool = _flag(True, "end the connection with 515 once, right after pairing")
    sync_delay: float = _flag(0.0, "time between a login and ready")
    page_sync_delay: float = _flag(0.8, "the same for the page; clients that hook into it late miss a quicker one")
    window: int = _flag(64, "unacknowledged items handed over at most per connection")
    batch: int = _flag(32, "items in one delivery at most")
    receipts: bool = _flag(True, "other people's phones answer with receipts")
    delivered_after: float = _flag(0.3, "time from a send to its delivered receipt")
    read_after: float = _flag(0.6, "time from a send to its read receipt")
    echo: bool = _flag(True, "people answer a text with 'echo: …'")
    echo_after: float = _flag(0.7, "time from a send to its echo")
    history_per_chat: int = _flag(500, "messages kept per chat for history requests")
    max_media: int = _flag(100_000_000, "bytes of one media upload at most")
    end_with_stdin: bool = _flag(False, "end when standard input is closed, so as not to outlive whoever started this")
