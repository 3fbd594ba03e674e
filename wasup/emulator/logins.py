"""Linking a client to a phone: QR codes on offer and pairing codes."""

import re
import time
from collections import deque
from typing import Protocol

from wasup.emulator import people
from wasup.emulator.account import Device, Unknown
from wasup.emulator.settings import EmulatorSettings
from wasup.emulator.world import World

__all__ = ["Applicant", "Logins", "NoCode", "is_phone"]

_PHONE = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)


def is_phone(text: str) -> bool:
    """Whether this is an international number, digits only."""
    return _PHONE.fullmatch(text) is not None


class NoCode(Exception):  # noqa: N818 - an answer, not a fault
    """No pairing code is given. `code` is a word for programs."""

    def __init__(self, code: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after = retry_after


class Applicant(Protocol):
    """A connection that waits to be paired."""

    def paired(self, device: Device) -> None:
        """A phone took this client."""


class Logins:
    """Everything on offer to phones."""

    def __init__(self, world: World, settings: EmulatorSettings) -> None:
        self._world = world
        self._settings = settings
        self._offers: dict[str, Applicant] = {}
        self._texts: dict[Applicant, str] = {}
        self._codes: dict[str, tuple[Applicant, str]] = {}
        self._asked: dict[str, deque[float]] = {}

    @property
    def texts(self) -> list[str]:
        """All QR texts that can be scanned now."""
        return list(self._texts.values())

    def offer(self, applicant: Applicant) -> str:
        """The next QR text for this applicant; the one before it is worthless from now on."""
        self.withdraw_qr(applicant)
        text = people.new_qr_text()
        self._texts[applicant] = text
        self._offers[people.qr_reference(text)] = applicant
        return text

    def withdraw_qr(self, applicant: Applicant) -> None:
        """The QR code on offer has run out."""
        text = self._texts.pop(applicant, None)
        if text is not None:
            del self._offers[people.qr_reference(text)]

    def withdraw(self, applicant: Applicant) -> None:
        """This applicant does not wait any more."""
        self.withdraw_qr(applicant)
        for code in [code for code, (who, _) in self._codes.items() if who is applicant]:
            del self._codes[code]

    def scan(self, qr: str, phone: str) -> Device:
        """A phone scans a QR code.

        Raises:
            Unknown: the code is not on offer (any more).
        """
        applicant = self._offers.get(people.qr_reference(qr))
        if applicant is None:
            raise Unknown("bad ref: this QR code is not on offer")
        return self._pair(applicant, phone)

    def request_code(self, applicant: Applicant, phone: str) -> str:
        """A pairing code for a number, while a QR code is on offer.

        Raises:
            NoCode: with `rate-overlimit`, `not_pairing` or `bad_number`.
        """
        if applicant not in self._texts:
            raise NoCode("not_pairing", "a pairing code is given only while a QR code is on offer")
        if not is_phone(phone):
            raise NoCode("bad_number", "a pairing code needs an international number, digits only")
        now = time.monotonic()
        asked = self._asked.setdefault(phone, deque())
        while asked and asked[0] < now - 3600:
            asked.popleft()
        if len(asked) >= self._settings.pairing_codes_per_hour:
            wait = 3600 - (now - asked[0]) if asked else 3600.0
            raise NoCode("rate-overlimit", "429 rate-overlimit", max(wait, 1.0))
        asked.append(now)
        code = people.new_pairing_code()
        self._codes[code] = (applicant, phone)
        return code

    def enter_code(self, code: str, phone: str | None) -> Device:
        """A code is typed on a phone.

        Raises:
            Unknown: no such code, or it was made for another number.
        """
        plain = code.replace("-", "").strip().upper()
        held = self._codes.get(plain)
        if held is None:
            raise Unknown("this pairing code is not on offer")
        applicant, asked_for = held
        if phone is not None and phone != asked_for:
            raise Unknown("this pairing code was made for another number")
        return self._pair(applicant, asked_for)

    def _pair(self, applicant: Applicant, phone: str) -> Device:
        self.withdraw(applicant)
        device = self._world.link(phone)
        applicant.paired(device)
        return device
