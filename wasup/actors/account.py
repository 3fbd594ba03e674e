"""The account actor: desired and actual state of one account. It survives its sessions.

It answers at once: state changes synchronously, changes are written through the sync writer (so that thousands of
accounts that move together cost a few transactions), and its session is started and ended through the supervisor in
the background.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

import structlog
import trio

from wasup.actors.login import LoginKeeper, read_account
from wasup.actors.messages import (
    AccountRequest,
    AccountState,
    Connect,
    Disconnect,
    DownloadMedia,
    Errand,
    GetQr,
    GetState,
    Logout,
    MarkRead,
    Qr,
    Queued,
    Refusal,
    Refused,
    RequestPairingCode,
    SendMessage,
    SetTyping,
)
from wasup.actors.names import account_name
from wasup.actors.nudging import Nudger
from wasup.actors.policy import Verdict, decide
from wasup.actors.queueing import queue_message
from wasup.actors.runtime import Runtime
from wasup.actors.session_control import SessionControl
from wasup.actors.session_messages import (
    Admit,
    Admitted,
    AskPairingCode,
    BecameReady,
    CompareChats,
    FirstSyncDone,
    OutgoingIdle,
    PairedWith,
    QrOffered,
    SessionEnded,
    SessionMessage,
    SessionNotice,
)
from wasup.actors.status import StatusKeeper
from wasup.actors.sync import FenceLost
from wasup.ports.accounts import Account, AccountStatus, Desired, Fence, StatusReason
from wasup.ports.disconnects import RESPONSES, DisconnectReason
from wasup.ports.messages import MessageStatus
from wasup.ports.store import DatabaseUnavailable
from wasup.supervisor import (
    Actor,
    ActorRef,
    ChildRef,
    ChildSpec,
    EndTree,
    ExitReason,
    MailboxFull,
    Reply,
    SupervisorError,
)

__all__ = ["AccountActor", "AccountMessage", "SessionClosed", "SessionGaveUp", "SuspensionOver"]

_S = AccountStatus
_WANT_SESSION = frozenset({_S.STARTING, _S.QR_SCANNING, _S.AUTHENTICATED, _S.CONNECTED, _S.RECONNECTING})
_RESTING = frozenset({_S.NEEDS_PAIRING, _S.SUSPENDED, _S.BANNED})
_ON_THE_WAY = frozenset({_S.STARTING, _S.QR_SCANNING, _S.AUTHENTICATED})
_LINKED = frozenset({_S.AUTHENTICATED, _S.CONNECTED})
_SENDABLE = frozenset({_S.CONNECTED, _S.RECONNECTING, _S.STARTING, _S.AUTHENTICATED})
_PATIENCE = 60.0

log = structlog.get_logger("wasup.account")


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The session that was to end has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGaveUp:
    """The session is over its restart budget, or did not start when asked to, and stays down."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspensionOver:
    """The time until which the account was suspended (UTC epoch milliseconds) has come."""

    until: int


AccountMessage: TypeAlias = (
    AccountRequest | SessionNotice | SessionClosed | SessionGaveUp | SuspensionOver | CompareChats | FenceLost
)


class AccountActor(Actor[AccountMessage]):
    """Holds an account's state and decides what its session does.

    Args:
        runtime: what the actors share.
        account: the account as it was stored when its tree was first started.
        fence: proof of ownership.
        secret: the stored login of that time, if there was one.
        session: the specification of its session, to begin again with a new budget.
        stale: the tree has been restarted since: account and secret are read again, as in every later life.
    """

    def __init__(
        self,
        runtime: Runtime,
        account: Account,
        fence: Fence,
        secret: bytes | None,
        session: ChildSpec,
        *,
        stale: bool = False,
    ) -> None:
        super().__init__()
        self._runtime = runtime
        self._info = account
        self._fence = fence
        self._login = LoginKeeper(runtime, account, fence, secret)
        self._control = SessionControl(account.id, session)
        self._stale = stale
        self._session: ActorRef[SessionMessage] | None = None
        self._nudger: Nudger | None = None
        self._end_reported = False
        self._streak: Counter[DisconnectReason] = Counter()
        self._suspended_until: int | None = None
        self._qr: Qr | None = None
        self._closing: list[Reply[AccountState | Refused]] = []
        self._logout_asked = False

    # ---- life --------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Take up what is stored; what was under way when an earlier life ended is begun again."""
        if self._stale or self.ref.incarnation > 1:  # what the reconciler had read for the first life is old by now
            self._info, secret = await read_account(self._runtime, self._info.id)
            self._login = LoginKeeper(self._runtime, self._info, self._fence, secret)
        account = self._info
        self._keeper = StatusKeeper(self._runtime, self.registry, account, self._fence)
        self._due = account.desired is Desired.CONNECTED and account.status not in _RESTING
        if account.desired is Desired.DISCONNECTED and account.status in _WANT_SESSION | {_S.DISCONNECTING}:
            await self._become(_S.DISCONNECTED, StatusReason.REQUESTED)
        if account.status is _S.SUSPENDED and account.suspended_until is not None:
            self._suspend_until(account.suspended_until)
        self._runtime.tenants[account.id] = account.workspace_id
        self.registry.register(account_name(account.id), self.ref)

    def _suspend_until(self, until: int) -> None:
        self._suspended_until = until
        self.nursery.start_soon(self._resume_at, until)

    async def _resume_at(self, until: int) -> None:
        await trio.sleep(max(0.0, (until - self._runtime.clock.now_ms()) / 1000))
        await self.ref.tell(SuspensionOver(until=until))

    async def on_down(self, ref: ChildRef, reason: ExitReason) -> None:
        """The session has ended; if it did not say why itself, it crashed."""
        if ref is not self._session:
            return
        self._session = self._nudger = None
        if not self._end_reported and not reason.is_normal and self._keeper.status in _WANT_SESSION:
            await self._become(_S.RECONNECTING, StatusReason.CRASHED, str(reason)[:500])

    async def handle(self, message: AccountMessage) -> object:
        """Answer a command, or take note of what the session tells."""
        match message:
            case GetState():
                return self._keeper.state()
            case Connect():
                return await self._connect()
            case Disconnect():
                return await self._disconnect(logout=False)
            case Logout():
                return await self._disconnect(logout=True)
            case GetQr():
                return self._qr or self._wrong_state("no QR code is on offer")
            case RequestPairingCode(phone=phone):
                return self._pairing_code(phone)
            case SendMessage():
                return await self._send(message)
            case SetTyping() | MarkRead() | DownloadMedia():
                return self._errand(message)
            case Admit(session=session):
                return await self._admit(session)
            case SessionEnded():
                return await self._session_ended(message)
            case QrOffered():
                await self._qr_offered(message)
            case PairedWith():
                await self._paired(message)
            case BecameReady():
                if self._keeper.status in _ON_THE_WAY:  # else its session has ended since, or is to end
                    self._streak.clear()
                    await self._become(_S.CONNECTED, StatusReason.PROGRESS)
            case FirstSyncDone():
                self._login.first_sync = False
            case OutgoingIdle():
                if self._nudger is not None:
                    self._nudger.note(message)
            case CompareChats():
                if self._session is not None and self._keeper.status is _S.CONNECTED:
                    with suppress(MailboxFull):  # it is busy enough
                        self._session.tell_nowait(message)
            case SessionClosed():
                await self._closed()
            case SessionGaveUp(why=why):
                if self._keeper.status in _WANT_SESSION and not self._control.is_opening:
                    self._due = False
                    await self._become(_S.FAILED, StatusReason.BUDGET_SPENT, why[:500])
            case SuspensionOver(until=until):
                if self._keeper.status is _S.SUSPENDED and self._suspended_until == until and self._wanted:
                    await self._begin(StatusReason.PROGRESS)
            case FenceLost(fence=fence):
                if fence == self._fence:
                    raise EndTree("another instance owns this account now")
            case _:
                assert_never(message)
        return None

    @property
    def _wanted(self) -> bool:
        return self._keeper.desired is Desired.CONNECTED

    # ---- commands ----------------------------------------------------------------------------

    async def _connect(self) -> AccountState | Refused:
        status = self._keeper.status
        if status is _S.DISCONNECTING:
            return self._wrong_state("the account is being disconnected", retry_after=1.0)
        begins = status not in _WANT_SESSION or status is _S.RECONNECTING
        limit = self._runtime.pulse.lacks_room(self._info.provider_type)
        if begins and limit is not None:
            detail = f"this instance runs {limit} browsers, as many as max_browser_sessions allows"
            return Refused(refusal=Refusal.AT_CAPACITY, detail=detail)
        pairs_anew = self._login.secret is None or status is _S.NEEDS_PAIRING
        if begins and pairs_anew:
            wait = self._login.wait()
            if wait > 0:
                return Refused(refusal=Refusal.RATE_LIMITED, detail="too many QR logins were begun", retry_after=wait)
        refused = await self._set_desired(Desired.CONNECTED)
        if refused is not None:
            return refused
        # A login that has led to `needs_pairing` would lead there again.
        if status is _S.NEEDS_PAIRING and self._login.secret is not None and not await self._login.forget():
            return Refused(refusal=Refusal.UNAVAILABLE, detail="the old login cannot be removed now", retry_after=1.0)
        if begins:
            self._streak.clear()
            await self._begin(StatusReason.REQUESTED)
        return self._keeper.state()

    async def _disconnect(self, *, logout: bool) -> AccountState | Refused:
        refused = await self._set_desired(Desired.DISCONNECTED)
        if refused is not None:
            return refused
        self._due = False
        self._logout_asked |= logout
        status = self._keeper.status
        if status is _S.DISCONNECTING:
            self._closing.append(self.defer_reply())
        elif status in _WANT_SESSION:
            self._closing.append(self.defer_reply())
            unlink = self._session if logout and status in _LINKED else None
            await self._become(_S.DISCONNECTING, StatusReason.REQUESTED)
            self.nursery.start_soon(self._close_session, unlink)
        else:
            return await self._closed()
        return self._keeper.state()  # the reply is deferred

    async def _close_session(self, unlink: ActorRef[SessionMessage] | None) -> None:
        if await self._control.close(self.supervisor, unlink):
            await self.ref.tell(SessionClosed())

    async def _closed(self) -> AccountState | Refused:
        """Nothing runs any more."""
        answer: AccountState | Refused | None = None
        if self._logout_asked:
            self._logout_asked = False
            if not await self._login.forget():
                detail = "the account is disconnected, but its login cannot be removed now: log out again"
                answer = Refused(refusal=Refusal.UNAVAILABLE, detail=detail, retry_after=1.0)
        if self._keeper.status is not _S.DISCONNECTED:
            await self._become(_S.DISCONNECTED, StatusReason.REQUESTED)
        answer = answer or self._keeper.state()
        replies, self._closing = self._closing, []
        for reply in replies:
            reply.send(answer)
        return answer

    async def _set_desired(self, desired: Desired) -> Refused | None:
        try:
            await self._runtime.stores.accounts.set_desired(self._info.id, desired)
        except DatabaseUnavailable as error:
            return Refused(refusal=Refusal.UNAVAILABLE, detail=str(error))
        self._keeper.desired = desired
        return None

    def _pairing_code(self, phone: str) -> Refused | None:
        if self._keeper.status is not _S.QR_SCANNING or self._session is None:
            return self._wrong_state("a pairing code is given only while QR codes are on offer")
        self.nursery.start_soon(self._forward, self._session, AskPairingCode(phone=phone), self.defer_reply())
        return None

    def _errand(self, errand: Errand) -> Refused | None:
        if self._keeper.status is not _S.CONNECTED or self._session is None:
            return self._wrong_state("that needs a connected account")
        self.nursery.start_soon(self._forward, self._session, errand, self.defer_reply())
        return None

    async def _forward(
        self, session: ActorRef[SessionMessage], request: AskPairingCode | Errand, reply: Reply[Any]
    ) -> None:
        try:
            reply.send(await session.ask(request, timeout=_PATIENCE))
        except SupervisorError as error:
            reply.send(Refused(refusal=Refusal.UNAVAILABLE, detail=str(error)))

    async def _send(self, message: SendMessage) -> Queued | Refused:
        if self._keeper.status not in _SENDABLE or self._login.secret is None:
            return self._wrong_state("the account cannot send now")
        nudger = self._nudger
        takes_ids = self._runtime.providers[self._info.provider_type].capabilities.own_message_ids
        handed_over = takes_ids and nudger is not None and nudger.hands_over
        queued = await queue_message(self._runtime, self._info, self._fence, message, handed_over=handed_over)
        if nudger is not None:
            # Also if nobody knows whether it was stored, or this is the repeat of a request of which nobody knew.
            unsure = isinstance(queued, Refused) and queued.refusal is Refusal.UNAVAILABLE
            waits = isinstance(queued, Queued) and queued.message.status is MessageStatus.QUEUED
            if isinstance(queued, Queued) and queued.new and handed_over:
                nudger.nudge(self.nursery, queued.message)
            elif waits or unsure:
                nudger.nudge(self.nursery, None)
        return queued

    # ---- what the session tells --------------------------------------------------------------

    async def _begin(self, reason: StatusReason) -> None:
        """Have a session started, whatever is going on now."""
        self._due = True
        self._suspended_until = None
        gave_up = self._keeper.status is _S.FAILED
        if self._keeper.status is not _S.RECONNECTING:
            await self._become(_S.STARTING, reason)
        self._control.will_open()
        self.nursery.start_soon(self._open_session, gave_up)

    async def _open_session(self, afresh: bool) -> None:  # noqa: FBT001 - started in a nursery
        """Start the session, with a new budget or not; that it stays down is told, lest the account waits for it."""
        failure = await self._control.open(self.supervisor, afresh=afresh)
        if failure is not None:
            await self.ref.tell(SessionGaveUp(why=failure))

    async def _admit(self, session: ActorRef[SessionMessage]) -> Admitted | None:
        """A session asks whether it may run."""
        if not self._due:
            return None
        self._session, self._nudger = session, Nudger(session)
        self._end_reported = False
        self.monitor(session)
        if self._keeper.status is not _S.STARTING:
            await self._become(_S.STARTING, StatusReason.PROGRESS if self._streak else StatusReason.BOOT)
        return self._login.admit()

    async def _qr_offered(self, offer: QrOffered) -> None:
        if self._keeper.status not in {_S.STARTING, _S.QR_SCANNING}:
            return
        self._qr = Qr(code=offer.code, attempt=offer.attempt, expires_at=offer.expires_at)
        if self._keeper.status is _S.STARTING:
            await self._become(_S.QR_SCANNING, StatusReason.PROGRESS)
        await self._keeper.offer_qr(offer.code, attempt=offer.attempt, expires_at=offer.expires_at)

    async def _paired(self, paired: PairedWith) -> None:
        """Store the login before anything else happens; the session waits for that."""
        await self._login.save(paired)
        if self._keeper.status in {_S.STARTING, _S.QR_SCANNING}:
            await self._become(_S.AUTHENTICATED, StatusReason.PROGRESS)

    async def _session_ended(self, ended: SessionEnded) -> Verdict:
        self._end_reported = True
        if self._keeper.status not in _WANT_SESSION:  # being disconnected
            return Verdict.STAY_DOWN
        self._streak[ended.reason] += 1
        decision = decide(ended.reason, self._streak[ended.reason])
        if RESPONSES[ended.reason].alert:
            log.error("account.alert", account_id=self._info.id, reason=str(ended.reason), detail=ended.detail)
        if decision.forget_login:
            await self._login.forget()  # if that fails the worthless login does no harm: it is never used again
            self._login.secret = None
        self._due = decision.verdict is not Verdict.STAY_DOWN
        until = int(ended.until * 1000) if ended.until is not None else None
        await self._become(decision.status, ended.reason, ended.detail, suspended_until=until)
        if decision.status is _S.SUSPENDED and until is not None:
            self._suspend_until(until)
        return decision.verdict

    async def _become(
        self,
        new: AccountStatus,
        reason: DisconnectReason | StatusReason,
        detail: str = "",
        *,
        suspended_until: int | None = None,
    ) -> None:
        if new is not _S.QR_SCANNING:
            self._qr = None
        await self._keeper.become(new, reason, detail, suspended_until=suspended_until)

    def _wrong_state(self, detail: str, *, retry_after: float | None = None) -> Refused:
        status = self._keeper.status
        return Refused(
            refusal=Refusal.WRONG_STATE,
            detail=f"{detail}: the account is {status}",
            status=status,
            retry_after=retry_after,
        )
