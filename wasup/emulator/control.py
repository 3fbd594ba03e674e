"""The control API, `/ctl/…`: whoever calls it plays the phones, the other people, and the misfortunes.

JSON in, JSON out. `phone` chooses an account; without it all are meant. Answers tell how many accounts were
meant (`accounts`) and how many connections were open and touched (`sessions`). A body that cannot be read, or
has an unknown field, is 400; something that does not exist is 404; what cannot be done now is 409; all with
`{"error": …}`.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from wasup.emulator import controls, journal, people
from wasup.emulator.account import Account, Chat, Group, Unknown
from wasup.emulator.journal import Journal
from wasup.emulator.load import LoadGenerator, LoadRequest
from wasup.emulator.logins import Logins, is_phone
from wasup.emulator.media import MediaStore
from wasup.emulator.network import Connection, Network
from wasup.emulator.people import Person
from wasup.emulator.world import World
from wasup.ports.messages import Content, Text, Unsupported

__all__ = ["Control", "Refused", "answer", "read_body"]

_EXPORT_CHUNK: Final = 2_000


class Refused(Exception):  # noqa: N818 - an answer
    """The control request is not carried out."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def answer(value: object, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


async def read_body(request: web.Request, kind: type[msgspec.Struct]) -> Any:
    """The request's body as this type; an empty one is `{}`.

    Raises:
        Refused: 400.
    """
    raw = await request.read() or b"{}"
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise Refused(400, str(error)) from None


def _phone(text: str) -> str:
    plain = text.removeprefix("+")
    if not is_phone(plain):
        raise Refused(400, f"{text!r} is not an international number, digits only")
    return plain


def _number(request: web.Request, name: str) -> int | None:
    """A number of the query."""
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused(400, f"`{name}` is a number")
    return int(text)


class Control:
    """The routes."""

    def __init__(
        self,
        world: World,
        logins: Logins,
        network: Network,
        load: LoadGenerator,
        media: MediaStore,
    ) -> None:
        self._world = world
        self._journal: Journal = world.journal
        self._logins = logins
        self._network = network
        self._load = load
        self._media = media
        self._operations: dict[str, tuple[type[msgspec.Struct], Callable[[Any], Any]]] = {
            "scan": (controls.Scan, self._scan),
            "enter_code": (controls.EnterCode, self._enter_code),
            "incoming": (controls.Incoming, self._incoming),
            "unlink": (controls.Unlink, self._unlink),
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
            "group": (controls.ChangeGroup, self._group),
            "read": (controls.ReadByOthers, self._read),
            "typing": (controls.Typing, self._typing),
            "contact": (controls.Meet, self._meet),
            "behaviour": (controls.Behaviour, self._behaviour),
            "accounts": (controls.MakeAccounts, self._make_accounts),
            "load": (LoadRequest, self._start_load),
            "load/stop": (controls.Nothing, lambda _: self._load.stop()),
            "forget_media": (controls.ForgetMedia, self._forget_media),
            "clear_log": (controls.Nothing, self._clear_log),
        }

    def routes(self) -> list[web.RouteDef]:
        """All routes under `/ctl`."""
        return [
            web.post("/ctl/{op:.+}", self._fenced(self._operate)),
            web.get("/ctl/log", self._fenced(self._get_log)),
            web.get("/ctl/log.ndjson", self._fenced(self._export_log)),
            web.get("/ctl/state", self._fenced(self._get_state)),
            web.get("/ctl/accounts", self._fenced(self._get_accounts)),
            web.get("/ctl/chats", self._fenced(self._get_chats)),
            web.get("/ctl/load", self._fenced(self._get_load)),
        ]

    @staticmethod
    def _fenced(
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def fenced(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get("Origin")
            if origin is not None and origin.partition("://")[2] != request.host:
                return answer({"error": "the controls are not for pages of other origins"}, 403)
            try:
                return await handler(request)
            except Unknown as error:
                return answer({"error": str(error)}, 404)
            except Refused as error:
                return answer({"error": str(error)}, error.status)

        return fenced

    async def _operate(self, request: web.Request) -> web.Response:
        name = request.match_info["op"]
        operation = self._operations.get(name)
        if operation is None:
            raise Refused(404, f"there is no control {name!r}; there are {', '.join(self._operations)}")
        kind, act = operation
        return answer(act(await read_body(request, kind)))

    # -- choosing ---------------------------------------------------------------------------------------------

    def _each(self, phone: str | None, act: Callable[[Account], None]) -> dict[str, int]:
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

    # -- phones -----------------------------------------------------------------------------------------------

    def _scan(self, body: controls.Scan) -> dict[str, object]:
        device = self._logins.scan(body.qr, _phone(body.phone))
        return self._paired(device.account, device.secret)

    def _enter_code(self, body: controls.EnterCode) -> dict[str, object]:
        phone = None if body.phone is None else _phone(body.phone)
        device = self._logins.enter_code(body.code, phone)
        return self._paired(device.account, device.secret)

    @staticmethod
    def _paired(account: Account, secret: str) -> dict[str, object]:
        person = account.person
        return {
            "device": secret,
            "phone": account.phone,
            "pn": person.pn,
            "lid": person.lid,
            "pushname": person.push_name,
        }

    def _unlink(self, body: controls.Unlink) -> dict[str, int]:
        def act(account: Account) -> None:
            for device in list(account.devices.values()):
                self._world.unlink(device, body.reason)

        return self._each(body.phone, act)

    # -- other people -----------------------------------------------------------------------------------------

    def _incoming(self, body: controls.Incoming) -> dict[str, object]:
        if (body.body is None) == (body.content is None):
            raise Refused(400, "either `body` or `content` is needed")
        if body.id is not None and body.count > 1:
            raise Refused(400, "`id` names one message: `count` cannot be more than 1")
        if body.body is not None and len(body.body) > 65_536:
            raise Refused(400, "a text has up to 65,536 characters")
        content = None if body.content is None else _content(body.content)
        ids: list[str] = []

        def act(account: Account) -> None:
            chat = account.open_chat(body.chat)
            sender = self._sender(account, chat, body)
            for number in range(1, body.count + 1):
                said = content or Text(body=(body.body or "").replace("{n}", str(number)))
                message = self._world.incoming(
                    account,
                    chat,
                    said,
                    message_id=body.id,
                    sender=sender,
                    push_name=body.name,
                    quoted_id=body.quoted_id,
                    from_me=body.from_me,
                    timestamp=body.timestamp,
                )
                ids.append(message.id)

        return {**self._each(body.phone, act), "ids": ids}

    @staticmethod
    def _sender(account: Account, chat: Chat, body: controls.Incoming) -> Person | None:
        who = body.sender or body.author
        if who is None or chat.person is not None:
            return None
        return account.somebody(who)

    def _group(self, body: controls.ChangeGroup) -> dict[str, object]:
        account = self._world.known(_phone(body.phone))
        if body.id is None:
            group = Group(people.new_group_id(), body.subject or "New group", account.person.pn, self._world.clock())
            group.people[account.phone] = account.person
            group.admins.add(account.phone)
            account.add_group(group)
        elif body.id in account.groups:
            group = account.groups[body.id]
        else:
            raise Unknown(f"this account is not in a group {body.id!r}")
        if body.subject is not None:
            group.subject = body.subject
        if body.participants is not None:
            group.people = {account.phone: account.person}
        for who in (*(body.participants or ()), *body.add):
            person = account.somebody(who)
            group.people[person.phone] = person
        for who in body.remove:
            group.people.pop(account.somebody(who).phone, None)
        if body.admins is not None:
            group.admins = {account.somebody(who).phone for who in body.admins}
        self._world.change_group(account, group)
        return {"id": group.id, "subject": group.subject, "participants": len(group.people)}

    def _read(self, body: controls.ReadByOthers) -> dict[str, object]:
        ids: list[str] = []

        def act(account: Account) -> None:
            ids.extend(self._world.read_by_others(account, account.open_chat(body.chat), body.ids))

        return {**self._each(body.phone, act), "ids": ids}

    def _typing(self, body: controls.Typing) -> dict[str, int]:
        return self._each(
            body.phone,
            lambda account: self._network.show_typing(account, account.open_chat(body.chat), active=body.active),
        )

    def _meet(self, body: controls.Meet) -> dict[str, object]:
        account = self._world.known(_phone(body.phone))
        person = Person(
            phone=_phone(body.number),
            name=body.name,
            push_name=body.push_name,
            lid=body.lid or (people.lid_of(body.number) if body.by_lid else None),
            by_lid=body.by_lid,
        )
        self._world.introduce(account, person)
        return {"id": person.id, "alt": person.alt}

    def _behaviour(self, body: controls.Behaviour) -> dict[str, object]:
        if body.echo is not None:
            self._network.echo = body.echo
        if body.receipts is not None:
            self._network.receipts = body.receipts
        return {"echo": self._network.echo, "receipts": self._network.receipts}

    # -- misfortunes ------------------------------------------------------------------------------------------

    def _drop(self, body: controls.Chosen) -> dict[str, int]:
        connections = self._connections(body.phone)
        for connection in connections:
            connection.drop()
        self._journal.note("fault", what="drop", phone=body.phone)
        return {"sessions": len(connections)}

    def _hang(self, body: controls.Hang) -> dict[str, int]:
        connections = self._connections(body.phone)
        for connection in connections:
            connection.hung = body.active
            if not body.active:
                connection.wake()
        self._journal.note("fault", what="hang", phone=body.phone, active=body.active)
        return {"sessions": len(connections)}

    def _ban(self, body: controls.Ban) -> dict[str, object]:
        until = None if body.temporary is None else time.time() + body.temporary

        def act(account: Account) -> None:
            account.banned = until is None
            account.banned_until = until

        counts = self._each(body.phone, act)
        if until is None:
            self._end(body.phone, 406, "banned")
        else:
            self._end(body.phone, 402, "temporarily banned", until)
        return {**counts, "until": until}

    def _lock(self, body: controls.Chosen) -> dict[str, int]:
        def act(account: Account) -> None:
            account.locked = True

        counts = self._each(body.phone, act)
        self._end(body.phone, 403, "locked")
        return counts

    def _proxy_block(self, body: controls.Chosen) -> dict[str, int]:
        def act(account: Account) -> None:
            account.proxy_blocked = True

        counts = self._each(body.phone, act)
        self._end(body.phone, 407, "PROXYBLOCK")
        return counts

    def _pardon(self, body: controls.Chosen) -> dict[str, int]:
        def act(account: Account) -> None:
            account.banned = account.locked = account.proxy_blocked = False
            account.banned_until = account.restricted_until = None

        return self._each(body.phone, act)

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

        return self._each(body.phone, act)

    def _fail_sends(self, body: controls.FailSends) -> dict[str, int]:
        return self._each(
            body.phone,
            lambda account: account.sends_to_fail.extend([(body.code, body.transient)] * body.count),
        )

    def _lose_answers(self, body: controls.LoseAnswers) -> dict[str, int]:
        def act(account: Account) -> None:
            account.answers_to_lose += body.count

        return self._each(body.phone, act)

    def _garble(self, body: controls.Garble) -> dict[str, int]:
        connections = self._connections(body.phone)
        for connection in connections:
            connection.post_raw(body.text.encode())
        return {"sessions": len(connections)}

    def _forget_media(self, body: controls.ForgetMedia) -> dict[str, bool]:
        return {"forgotten": self._media.forget(body.ref)}

    # -- many -------------------------------------------------------------------------------------------------

    def _make_accounts(self, body: controls.MakeAccounts) -> dict[str, object]:
        start = int(_phone(body.start_phone))
        made = []
        for number in range(start, start + body.count):
            device = self._world.link(str(number))
            made.append({"phone": str(number), "secret": device.secret})
        return {"accounts": made}

    def _start_load(self, body: LoadRequest) -> dict[str, object]:
        try:
            return self._load.start(body)
        except ValueError as error:
            raise Refused(409, str(error)) from None

    # -- looking ----------------------------------------------------------------------------------------------

    def _clear_log(self, _body: object) -> dict[str, int]:
        self._journal.clear()
        return {"next": self._journal.next}

    def _rows(self, request: web.Request) -> Any:
        query = request.query
        kinds = frozenset(query["kind"].split(",")) if "kind" in query else None
        if kinds is not None and not kinds <= set(journal.KINDS):
            raise Refused(400, f"kinds are {', '.join(journal.KINDS)}")
        return self._journal.rows(after=_number(request, "after") or 0, kinds=kinds, phone=query.get("phone"))

    async def _get_log(self, request: web.Request) -> web.Response:
        """Rows after a number: all of them (`?after=`, `?kind=a,b`, `?phone=`, `?limit=`)."""
        rows = self._rows(request)
        limit = _number(request, "limit")
        chosen: list[dict[str, object]] = []
        for row in rows:
            if limit is not None and len(chosen) >= limit:
                break
            chosen.append(row)
            if not len(chosen) % _EXPORT_CHUNK:
                await asyncio.sleep(0)
        return answer(chosen)

    async def _export_log(self, request: web.Request) -> web.StreamResponse:
        rows = self._rows(request)
        response = web.StreamResponse()
        response.content_type = "application/x-ndjson"
        await response.prepare(request)
        chunk: list[dict[str, object]] = []
        encoder = msgspec.json.Encoder()
        for row in rows:
            chunk.append(row)
            if len(chunk) >= _EXPORT_CHUNK:
                await response.write(encoder.encode_lines(chunk))
                chunk = []
                await asyncio.sleep(0)
        if chunk:
            await response.write(encoder.encode_lines(chunk))
        await response.write_eof()
        return response

    async def _get_state(self, _request: web.Request) -> web.Response:
        world = self._world
        return answer(
            {
                **self._network.summary(),
                "accounts": len(world.accounts),
                "devices": len(world.devices),
                "waiting": sum(len(device.waiting) for device in world.devices.values()),
                "in_hand": sum(device.in_hand_count for device in world.devices.values()),
                "log_next": self._journal.next,
                "counts": dict(zip(journal.KINDS, self._journal.counts, strict=True)),
                "qr_on_offer": len(self._logins.texts),
                "load": self._load.progress(),
            }
        )

    async def _get_accounts(self, request: web.Request) -> web.Response:
        """All accounts, or the first `?limit=`."""
        accounts = self._world.accounts.values()
        return answer([_describe(account) for account in itertools.islice(accounts, _number(request, "limit"))])

    async def _get_chats(self, request: web.Request) -> web.Response:
        """Chats of an account with their last messages (`?phone=`)."""
        account = self._world.known(request.query.get("phone", ""))
        return answer(
            [
                {
                    **msgspec.to_builtins(chat.changed()),
                    "messages": [msgspec.Raw(raw) for _, raw, _ in list(chat.kept)[-30:]],
                }
                for chat in account.chats.values()
            ]
        )

    async def _get_load(self, _request: web.Request) -> web.Response:
        return answer(self._load.progress())


def _content(given: dict[str, Any]) -> Content:
    """Content as the port knows it; a type that it does not know is kept raw."""
    name = given.get("type")
    if not isinstance(name, str):
        raise Refused(400, "`content` has no `type`")
    try:
        return msgspec.convert(given, Content)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        if "Invalid value" in str(error) and "$.type" in str(error):
            return Unsupported(name=name, raw=msgspec.json.encode(given).decode())
        raise Refused(400, str(error)) from None


def _describe(account: Account) -> dict[str, object]:
    devices = account.devices.values()
    return {
        "phone": account.phone,
        "id": account.person.pn,
        "lid": account.person.lid,
        "push_name": account.person.push_name,
        "devices": len(devices),
        "connected": sum(device.door is not None for device in devices),
        "waiting": sum(len(device.waiting) for device in devices),
        "in_hand": sum(device.in_hand_count for device in devices),
        "banned": account.banned,
        "banned_until": account.banned_until,
        "locked": account.locked,
        "proxy_blocked": account.proxy_blocked,
        "sent": len(account.sent),
    }
