"""Everything that can go wrong on purpose: cut lines, refusals, bans, an unavailable network, a broken page."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from wasup.emulator import controls
from wasup.emulator.account import Account
from wasup.emulator.answers import Refused, plain_phone
from wasup.emulator.connection import Connection
from wasup.emulator.network import Network
from wasup.emulator.web.breakages import AT_LOGIN, AT_ONCE, WHEN_SERVED, Breakage
from wasup.emulator.web.server import WebDoor
from wasup.emulator.world import World

__all__ = ["Misfortunes"]


class Misfortunes:
    """Controls that make trouble, by name."""

    def __init__(self, world: World, network: Network, door: WebDoor) -> None:
        self._world = world
        self._journal = world.journal
        self._network = network
        self._door = door
        self.operations: dict[str, tuple[type[msgspec.Struct], Callable[[Any], Any]]] = {
            "drop": (controls.Chosen, self._drop),
            "conflict": (controls.Chosen, lambda body: self._end(body.phone, 440, "replaced")),
            "hang": (controls.Hang, self._hang),
            "ban": (controls.Ban, self._ban),
            "lock": (controls.Chosen, self._lock),
            "proxy_block": (controls.Chosen, self._proxy_block),
            "pardon": (controls.Chosen, self._pardon),
            "restart_required": (controls.Chosen, lambda body: self._end(body.phone, 515, "restart required")),
            "disconnect": (controls.Disconnect, self._disconnect),
            "unavailable": (controls.Unavailable, self._unavailable),
            "outdated": (controls.Switch, self._outdated),
            "restrict": (controls.Restrict, self._restrict),
            "fail_sends": (controls.FailSends, self._fail_sends),
            "lose_answers": (controls.LoseAnswers, self._lose_answers),
            "garble": (controls.Garble, self._garble),
            "break": (controls.BreakPage, self._break),
            "mend": (controls.Chosen, lambda body: {"mended": self._door.breakages.mend(body.phone)}),
        }

    # -- choosing ---------------------------------------------------------------------------------------------

    def each(self, phone: str | None, act: Callable[[Account], None]) -> dict[str, int]:
        """Do something to an account, or all; the counts that answers tell."""
        doors = self._connections(phone)
        count = self._world.each(phone, act)
        return {"accounts": count, "sessions": len(doors)}

    def _connections(self, phone: str | None) -> list[Connection]:
        """Open connections of the account, or all, those still pairing among them."""
        if phone is not None:
            self._world.known(phone)
        return [
            connection
            for connection in self._network.connections
            if phone is None or (connection.device is not None and connection.device.account.phone == phone)
        ]

    def _end(self, phone: str | None, code: int, detail: str, until: float | None = None) -> dict[str, int]:
        connections = self._connections(phone)
        for connection in connections:
            connection.end(code, detail, until)
        self._journal.note("fault", what=f"end {code}", phone=phone)
        return {"sessions": len(connections)}

    # -- trouble ----------------------------------------------------------------------------------------------

    def _drop(self, body: controls.Chosen) -> dict[str, int]:
        connections = self._connections(body.phone)
        for connection in connections:
            connection.drop()
        self._journal.note("fault", what="drop", phone=body.phone)
        return {"sessions": len(connections)}

    def _hang(self, body: controls.Hang) -> dict[str, int]:
        connections = self._connections(body.phone)
        for connection in connections:
            connection.hang(active=body.active)
        self._journal.note("fault", what="hang", phone=body.phone, active=body.active)
        return {"sessions": len(connections)}

    def _ban(self, body: controls.Ban) -> dict[str, object]:
        until = None if body.temporary is None else time.time() + body.temporary

        def act(account: Account) -> None:
            account.banned = until is None
            account.banned_until = until

        counts = self.each(body.phone, act)
        if until is None:
            self._end(body.phone, 406, "banned")
        else:
            self._end(body.phone, 402, "temporarily banned", until)
        return {**counts, "until": until}

    def _lock(self, body: controls.Chosen) -> dict[str, int]:
        def act(account: Account) -> None:
            account.locked = True

        counts = self.each(body.phone, act)
        self._end(body.phone, 403, "locked")
        return counts

    def _proxy_block(self, body: controls.Chosen) -> dict[str, int]:
        def act(account: Account) -> None:
            account.proxy_blocked = True

        counts = self.each(body.phone, act)
        self._end(body.phone, 407, "PROXYBLOCK")
        return counts

    def _pardon(self, body: controls.Chosen) -> dict[str, int]:
        def act(account: Account) -> None:
            account.banned = account.locked = account.proxy_blocked = False
            account.banned_until = account.restricted_until = None

        return self.each(body.phone, act)

    def _disconnect(self, body: controls.Disconnect) -> dict[str, int]:
        until = None if body.seconds is None else time.time() + body.seconds
        return self._end(body.phone, body.code, body.detail, until)

    def _unavailable(self, body: controls.Unavailable) -> dict[str, object]:
        network = self._network
        network.unavailable_left = body.count or 0 if body.active else 0
        if not body.active or body.count is not None:
            network.unavailable_until = None
        else:
            seconds = body.seconds if body.seconds is not None else float("inf")
            network.unavailable_until = time.monotonic() + seconds
        return {"unavailable": body.active}

    def _outdated(self, body: controls.Switch) -> dict[str, object]:
        self._network.outdated = body.active
        sessions = self._end(None, 405, "client outdated")["sessions"] if body.active else 0
        return {"outdated": body.active, "sessions": sessions}

    def _restrict(self, body: controls.Restrict) -> dict[str, int]:
        until = time.time() + body.seconds

        def act(account: Account) -> None:
            account.restricted_until = until

        return self.each(body.phone, act)

    def _fail_sends(self, body: controls.FailSends) -> dict[str, int]:
        return self.each(
            body.phone,
            lambda account: account.sends_to_fail.extend([(body.code, body.transient)] * body.count),
        )

    def _lose_answers(self, body: controls.LoseAnswers) -> dict[str, int]:
        def act(account: Account) -> None:
            account.answers_to_lose += body.count

        return self.each(body.phone, act)

    def _garble(self, body: controls.Garble) -> dict[str, int]:
        connections = self._connections(body.phone)
        for connection in connections:
            connection.post_raw(body.text.encode())
        return {"sessions": len(connections)}

    def _break(self, body: controls.BreakPage) -> dict[str, int]:
        phone = None if body.phone is None else plain_phone(body.phone)
        if body.what in {"module_missing", "module_changed"} and body.module is None:
            raise Refused(400, f"{body.what} needs a `module`")
        if body.what in WHEN_SERVED and phone is not None:
            raise Refused(400, f"{body.what} is for every page: when it is served nobody knows whose it will be")
        self._journal.note("fault", what=body.what, phone=phone)
        if body.what not in AT_ONCE:
            breakage = Breakage(
                what=body.what, phone=phone, module=body.module, member=body.member, seconds=body.seconds
            )
            self._door.breakages.add(breakage)
        struck = [] if body.what in (*AT_LOGIN, *WHEN_SERVED) else self._door.pages(phone)
        for page in struck:
            page.strike(body.what, body.module, body.member)
        return {"sessions": len(struck)}
