"""The control API, `/ctl/…`: whoever calls it plays the phones, the other people, and the misfortunes.

JSON in, JSON out. `phone` chooses an account; without it all are meant. Answers tell how many accounts were
meant (`accounts`) and how many connections were open and touched (`sessions`). A body that cannot be read, or
has an unknown field, is 400; something that does not exist is 404; what cannot be done now is 409; all with
`{"error": …}`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from wasup.emulator import controls, people
from wasup.emulator.account import Account, Chat, Group, Unknown
from wasup.emulator.answers import Refused, answer, plain_phone, read_body
from wasup.emulator.load import LoadGenerator, LoadRequest
from wasup.emulator.logins import Logins
from wasup.emulator.media import MediaStore
from wasup.emulator.misfortunes import Misfortunes
from wasup.emulator.network import Network
from wasup.emulator.people import Person
from wasup.emulator.views import Views
from wasup.emulator.web.server import WebDoor
from wasup.emulator.world import World
from wasup.ports.messages import Content, Text, Unsupported

__all__ = ["Control"]


class Control:
    """The routes."""

    def __init__(
        self,
        world: World,
        logins: Logins,
        network: Network,
        load: LoadGenerator,
        media: MediaStore,
        door: WebDoor,
    ) -> None:
        self._world = world
        self._journal = world.journal
        self._logins = logins
        self._network = network
        self._load = load
        self._media = media
        self._misfortunes = Misfortunes(world, network, door)
        self._views = Views(world, logins, network, load)
        self._operations: dict[str, tuple[type[msgspec.Struct], Callable[[Any], Any]]] = {
            "scan": (controls.Scan, self._scan),
            "enter_code": (controls.EnterCode, self._enter_code),
            "incoming": (controls.Incoming, self._incoming),
            "unlink": (controls.Unlink, self._unlink),
            "group": (controls.ChangeGroup, self._group),
            "read": (controls.ReadByOthers, self._read),
            "typing": (controls.Typing, self._typing),
            "contact": (controls.Meet, self._meet),
            "behaviour": (controls.Behaviour, self._behaviour),
            "accounts": (controls.MakeAccounts, self._make_accounts),
            "load": (LoadRequest, self._start_load),
            "load/stop": (controls.Nothing, lambda _: self._load.stop()),
            "picture": (controls.GivePicture, self._picture),
            "forget_media": (controls.ForgetMedia, self._forget_media),
            "clear_log": (controls.Nothing, self._clear_log),
            **self._misfortunes.operations,
        }

    def routes(self) -> list[web.RouteDef]:
        """All routes under `/ctl`."""
        return [
            web.post("/ctl/{op:.+}", self._fenced(self._operate)),
            web.get("/ctl/log", self._fenced(self._views.get_log)),
            web.get("/ctl/log.ndjson", self._fenced(self._views.export_log)),
            web.get("/ctl/state", self._fenced(self._views.get_state)),
            web.get("/ctl/accounts", self._fenced(self._views.get_accounts)),
            web.get("/ctl/chats", self._fenced(self._views.get_chats)),
            web.get("/ctl/load", self._fenced(self._views.get_load)),
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

    # -- phones -----------------------------------------------------------------------------------------------

    def _scan(self, body: controls.Scan) -> dict[str, object]:
        device = self._logins.scan(body.qr, plain_phone(body.phone))
        return self._paired(device.account, device.secret)

    def _enter_code(self, body: controls.EnterCode) -> dict[str, object]:
        phone = None if body.phone is None else plain_phone(body.phone)
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

        return self._misfortunes.each(body.phone, act)

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

        return {**self._misfortunes.each(body.phone, act), "ids": ids}

    @staticmethod
    def _sender(account: Account, chat: Chat, body: controls.Incoming) -> Person | None:
        who = body.sender or body.author
        if who is None or chat.person is not None:
            return None
        return account.somebody(who)

    def _group(self, body: controls.ChangeGroup) -> dict[str, object]:
        account = self._world.known(plain_phone(body.phone))
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

        return {**self._misfortunes.each(body.phone, act), "ids": ids}

    def _typing(self, body: controls.Typing) -> dict[str, int]:
        return self._misfortunes.each(
            body.phone,
            lambda account: self._network.show_typing(account, account.open_chat(body.chat), active=body.active),
        )

    def _meet(self, body: controls.Meet) -> dict[str, object]:
        account = self._world.known(plain_phone(body.phone))
        person = Person(
            phone=plain_phone(body.number),
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

    def _picture(self, body: controls.GivePicture) -> dict[str, int]:
        def act(account: Account) -> None:
            subject = body.who if body.who in account.groups else account.somebody(body.who).phone
            account.pictures[subject] = body.ref

        return self._misfortunes.each(body.phone, act)

    def _forget_media(self, body: controls.ForgetMedia) -> dict[str, bool]:
        return {"forgotten": self._media.forget(body.ref)}

    # -- many -------------------------------------------------------------------------------------------------

    def _make_accounts(self, body: controls.MakeAccounts) -> dict[str, object]:
        start = int(plain_phone(body.start_phone))
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

    # -- the log ---------------------------------------------------------------------------------------------

    def _clear_log(self, _body: object) -> dict[str, int]:
        self._journal.clear()
        return {"next": self._journal.next}


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
