"""The session actor: one connection of one account. It ends with a typed reason and never restarts itself."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, assert_never

import structlog
import trio

from wasup.actors.chat_history import HistoryReader
from wasup.actors.errands import run_errand
from wasup.actors.messages import (
    DownloadMedia,
    Errand,
    ErrandDone,
    MarkRead,
    MediaBytes,
    PairingCode,
    Refusal,
    Refused,
    SetTyping,
)
from wasup.actors.names import account_name, actor_called
from wasup.actors.outgoing import Nudges, OutgoingQueue
from wasup.actors.policy import Verdict
from wasup.actors.runtime import Runtime
from wasup.actors.session_messages import (
    Admit,
    AskPairingCode,
    BecameReady,
    CompareChats,
    FirstSyncDone,
    LogOut,
    Nudge,
    PairedWith,
    QrOffered,
    SessionEnded,
    SessionMessage,
    SessionNotice,
)
from wasup.actors.sync import Store
from wasup.actors.synchroniser import Synchroniser
from wasup.actors.watermarks import Watermarks
from wasup.actors.window import Window
from wasup.ports.accounts import Account, Fence
from wasup.ports.disconnects import Disconnected, DisconnectReason
from wasup.ports.session import (
    Delivery,
    Handover,
    Login,
    NotSupported,
    Paired,
    PairingCodeIssued,
    PairingRefused,
    QrIssued,
    Ready,
    Session,
    SessionEvent,
    SyncProgress,
    Typing,
    Usage,
)
from wasup.ports.sync import StoreItem, SyncPhase, SyncStep
from wasup.supervisor import (
    Actor,
    ActorRef,
    ChildRef,
    ExitReason,
    MailboxFull,
    NameUnknown,
    NeverRestart,
    Reply,
    RestartLater,
    RestartQuietly,
)

__all__ = ["SessionActor"]

_NAME_PATIENCE = 10.0
"""Account actor and writer are restarted within seconds; a session that starts meanwhile waits for them."""
_QR_TIMEOUT = 300.0
"""A guard only: the provider itself ends a pairing after some 160 s."""

log = structlog.get_logger("wasup.session")


class SessionActor(Actor[SessionMessage]):
    """Opens a session, passes on what it hands over, sends what is queued, and reports how it ended."""

    def __init__(self, runtime: Runtime, account: Account, fence: Fence) -> None:
        super().__init__()
        self._runtime = runtime
        self._info = account
        self._fence = fence
        self._settings = runtime.settings
        self._session: Session | None = None
        self._connection = trio.CancelScope()
        self._nursery: trio.Nursery | None = None  # of the connection
        self._broken: Disconnected | None = None
        sync = runtime.settings.sync
        self._window = Window(sync.window, beat=runtime.beat, patience=runtime.settings.send_timeout)
        self._synchroniser: Synchroniser | None = None
        self._nudges = Nudges()
        self._code_reply: Reply[PairingCode | Refused] | None = None
        self._freshly_paired = False
        self._gate: trio.CapacityLimiter | None = None  # while it has a place in it
        self._phase = "starting"
        self._ready = False
        self._listening = False
        self._heard = math.inf
        self._synchronised = -1
        self._usage: Usage | None = None

    def figures(self) -> Mapping[str, float] | None:
        """What the account's own processes use, where it has such: bytes, seconds of processor time, their number."""
        usage = self._usage
        if usage is None:
            return None
        return {"memory": usage.memory, "cpu_seconds": usage.cpu_seconds, "processes": usage.processes}

    # ---- life --------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Ask the account whether a session is wanted, and from which login it starts."""
        account = await self._named(account_name(self._info.id))
        writer = await self._named(self._runtime.writer_of(self._info.id))
        self._account: ActorRef[SessionNotice] = account
        self._writer: ActorRef[Store] = writer
        # The account may be waiting for the writer, and that for the database: however long that takes.
        admitted = await account.ask(Admit(session=self.ref), timeout=math.inf)
        if admitted is None:
            self.ignore()
            return
        self._first_sync_due = admitted.first_sync
        self._paired_at = admitted.paired_at
        self.monitor(writer)
        self.nursery.start_soon(self._run_session, admitted.login)

    async def _named(self, name: str) -> ActorRef[Any]:
        """The living actor of this name; one that is being restarted is waited for."""
        deadline = trio.current_time() + _NAME_PATIENCE
        while (ref := actor_called(self.registry, name)) is None:
            if trio.current_time() >= deadline:
                raise NameUnknown(f"{name} is not running")
            await trio.sleep(0.05)
        return ref

    async def on_down(self, ref: ChildRef, reason: ExitReason) -> None:
        """The writer died with our deliveries in hand: they are handed over again by the next session."""
        del ref
        self._broken = Disconnected(DisconnectReason.PIPELINE_LOST, str(reason))
        self._connection.cancel()

    async def handle(self, message: SessionMessage) -> object:
        """Carry out what the account asks."""
        match message:
            case Nudge():
                self._nudges.add(message)
            case AskPairingCode(phone=phone):
                self.nursery.start_soon(self._ask_pairing_code, phone, self.defer_reply())
            case LogOut():
                self.nursery.start_soon(self._log_out, self.defer_reply())
            case SetTyping() | MarkRead() | DownloadMedia():
                self.nursery.start_soon(self._run_errand, message, self.defer_reply())
            case CompareChats():
                if self._nursery is not None and self._synchroniser is not None:
                    self._nursery.start_soon(self._synchroniser.compare)
            case _:
                assert_never(message)
        return None

    async def _run_session(self, login: Login) -> None:
        """Run the connection to its end, then do what the account decides."""
        try:
            await self._connect(login)
        except* Disconnected as group:
            self._broken = self._broken or _first(group)
        ended = self._broken or Disconnected(DisconnectReason.CONNECTION_LOST, "the session ended without a reason")
        if self._code_reply is not None:
            self._code_reply.send(Refused(refusal=Refusal.UNAVAILABLE, detail=f"the session ended: {ended}"))
            self._code_reply = None
        report = SessionEnded(reason=ended.reason, detail=ended.detail, until=ended.until)
        verdict = await self._account.ask(report, timeout=math.inf)
        match verdict:
            case Verdict.RESTART_NOW:
                raise RestartQuietly(str(ended))
            case Verdict.BACK_OFF:
                raise RestartLater(str(ended))
            case Verdict.RESTART:
                raise ended
            case Verdict.STAY_DOWN:
                raise NeverRestart(str(ended))
            case _:
                assert_never(verdict)

    async def _connect(self, login: Login) -> None:
        provider = self._runtime.providers[self._info.provider_type]
        gate = self._runtime.connect_gates[self._info.provider_type]
        await gate.acquire_on_behalf_of(self)
        self._gate = gate
        self._connection.deadline = trio.current_time() + self._settings.connect_timeout
        try:
            with self._connection:
                async with provider.open(login) as session, trio.open_nursery() as nursery:
                    self._session, self._nursery = session, nursery
                    nursery.start_soon(self._window.acknowledge, session)
                    await self._read(session, nursery, login)
        finally:
            self._session = self._nursery = self._synchroniser = None
            self._runtime.pulse.usage.pop(self._info.id, None)
            self._leave_gate()
        if self._connection.cancelled_caught and self._broken is None:
            raise Disconnected(DisconnectReason.TIMED_OUT, f"still {self._phase} at its deadline")

    def _enter_phase(self, name: str, seconds: float) -> None:
        """Every transitional phase has a deadline: when it passes, the session ends with `TIMED_OUT`.

        A session that is ready has none any more, whatever else it tells.
        """
        if not self._ready:
            self._phase = name
            self._connection.deadline = trio.current_time() + seconds

    def _leave_gate(self) -> None:
        if self._gate is not None:
            self._gate.release_on_behalf_of(self)
            self._gate = None

    # ---- what comes in -----------------------------------------------------------------------

    async def _read(self, session: Session, nursery: trio.Nursery, login: Login) -> None:
        """Pass on events until the session ends."""
        while True:
            self._listening = True
            event = await session.receive()
            self._listening = False
            self._leave_gate()
            if isinstance(event, Ready) and login.secret is None and not self._freshly_paired:
                raise Disconnected(DisconnectReason.PROTOCOL_ERROR, "ready without a login")
            await self._pass_on(event, session, nursery)
            if not isinstance(event, Usage):  # that is told on our side: no sign of life
                self._heard = trio.current_time()

    async def _probe_when_silent(self, session: Session) -> None:
        """Probe a ready session of which nothing was heard for long, though we were listening.

        A task of its own: a deadline around each `receive` would cost more than to receive.
        """
        due = trio.current_time() + self._settings.probe_interval
        while True:
            await trio.sleep_until(due)
            now = trio.current_time()
            due = (self._heard if self._listening else now) + self._settings.probe_interval
            if due <= now:
                await self._probe(session)
                self._heard = trio.current_time()

    async def _pass_on(self, event: SessionEvent, session: Session, nursery: trio.Nursery) -> None:
        match event:
            case Delivery(token=token, items=items):
                await self._store_counted(
                    items if self._synchroniser is None else self._synchroniser.follow(items), token
                )
            case QrIssued(code=code, attempt=attempt, expires_in=expires_in):
                if self._phase != "offering QR codes":  # one deadline for all codes together
                    self._enter_phase("offering QR codes", _QR_TIMEOUT)
                expires_at = self._runtime.clock.now_ms() + int(expires_in * 1000)
                await self._account.tell(QrOffered(code=code, attempt=attempt, expires_at=expires_at))
            case PairingCodeIssued(code=code, phone=phone):
                if self._code_reply is not None:
                    self._code_reply.send(PairingCode(code=code, phone=phone))
                    self._code_reply = None
            case Paired(me=me, secret=secret):
                self._enter_phase("authenticated", self._settings.sync_timeout)
                self._freshly_paired = self._first_sync_due = True
                self._paired_at = self._runtime.clock.now_ms()
                await self._account.ask(PairedWith(me=me, secret=secret), timeout=math.inf)  # in the phase's deadline
            case SyncProgress(done=done, total=total):
                if done > self._synchronised:  # only what moves on gets more time
                    self._synchronised = done
                    self._enter_phase("synchronising", self._settings.sync_timeout)
                    if self._first_sync_due and not self._ready:
                        await self._store((SyncStep(phase=SyncPhase.DEVICE, done=done, total=total),))
            case Ready(me=me):
                if not self._ready:
                    self._enter_phase("ready", math.inf)
                    self._ready = True
                    await self._account.tell(BecameReady(me=me))
                    queue = OutgoingQueue(self._runtime, self._fence, session, self._store)
                    nursery.start_soon(queue.run, self._nudges, self._account)
                    nursery.start_soon(self._probe_when_silent, session)
                    self._synchroniser = self._make_synchroniser(session)
                    nursery.start_soon(self._synchronise, self._synchroniser)
            case Typing():
                pass  # never stored; streams of the API will tell it
            case Usage():
                self._usage = event
                self._runtime.pulse.usage[self._info.id] = (self._info.provider_type, event)
            case _:
                assert_never(event)

    async def _store_counted(self, items: Sequence[StoreItem], token: int | None = None) -> None:
        """Hand items to the writer, as one of the window's uncommitted deliveries."""
        await self._window.take()
        await self._store(items, window=self._window, token=token)

    async def _store(
        self, items: Sequence[StoreItem], *, window: Window | None = None, token: int | None = None
    ) -> None:
        """Hand items to the writer; waits only while it has no room."""
        store = Store(
            fence=self._fence,
            workspace_id=self._info.workspace_id,
            provider_type=self._info.provider_type,
            items=tuple(items),
            window=window,
            token=token,
        )
        try:
            self._writer.tell_nowait(store)
        except MailboxFull:
            await self._writer.tell(store)

    def _make_synchroniser(self, session: Session) -> Synchroniser:
        capabilities = self._runtime.providers[self._info.provider_type].capabilities
        reader = HistoryReader(
            session=session,
            settings=self._settings.sync,
            account_id=self._info.id,
            paired_at=self._paired_at,
            now=self._runtime.clock.now_ms(),
            watermarks=Watermarks() if capabilities.handover is Handover.REFETCHES else None,
            store=self._store_counted,
            patience=partial(self._answer_within, self._settings.sync_timeout),
        )
        return Synchroniser(self._runtime, capabilities, reader)

    async def _synchronise(self, synchroniser: Synchroniser) -> None:
        """Everything after a pairing, else what was missed while away."""
        if self._first_sync_due:
            await synchroniser.synchronise()
            await self._account.tell(FirstSyncDone())
        else:
            await synchroniser.catch_up()

    async def _probe(self, session: Session) -> None:
        with self._answer_within(self._settings.probe_timeout, "a probe"):
            await session.probe()

    @contextmanager
    def _answer_within(self, seconds: float, what: str) -> Iterator[None]:
        """A session that does not answer in time is deaf, however its connection looks."""
        with trio.move_on_after(seconds) as deadline:
            yield
        if deadline.cancelled_caught:
            raise Disconnected(DisconnectReason.DEAF, f"no answer to {what} within {seconds:g} s")

    # ---- what the account asks ---------------------------------------------------------------

    async def _ask_pairing_code(self, phone: str, reply: Reply[PairingCode | Refused]) -> None:
        if self._session is None or self._ready:
            reply.send(Refused(refusal=Refusal.WRONG_STATE, detail="no QR code is on offer now"))
            return
        if self._code_reply is not None:
            self._code_reply.send(Refused(refusal=Refusal.UNAVAILABLE, detail="another code was asked for"))
        self._code_reply = reply
        refused: Refused | None = None
        try:
            await self._session.request_pairing_code(phone)
        except PairingRefused as error:
            refused = Refused(refusal=Refusal.RATE_LIMITED, detail=str(error), retry_after=error.retry_after)
        except NotSupported as error:
            refused = Refused(refusal=Refusal.NOT_SUPPORTED, detail=str(error))
        except Disconnected as error:
            refused = Refused(refusal=Refusal.UNAVAILABLE, detail=f"the session ended: {error}")
        if refused is not None and self._code_reply is reply:
            self._code_reply = None
            reply.send(refused)

    async def _run_errand(self, errand: Errand, reply: Reply[ErrandDone | MediaBytes | Refused]) -> None:
        if self._session is None or not self._ready:
            reply.send(Refused(refusal=Refusal.UNAVAILABLE, detail="the session is not ready", retry_after=1.0))
            return
        timeout = self._settings.send_timeout
        reply.send(await run_errand(self._session, errand, timeout=timeout, store=self._store))

    async def _log_out(self, reply: Reply[None]) -> None:
        try:
            if self._session is not None:
                await self._session.logout()
        except Disconnected:
            pass  # it ends with that reason, which the reader reports
        except NotSupported as error:
            log.warning("session.unlink_not_supported", account_id=self._info.id, error=str(error))
        finally:
            reply.send(None)


def _first(group: BaseExceptionGroup[Disconnected]) -> Disconnected:
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("an empty group")
