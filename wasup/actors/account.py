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

from wasup.actors.forgetting import forget_at_provider
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
from wasup.actors.names import SESSION, account_name
from wasup.actors.outgoing import cannot_send
from wasup.actors.policy import Verdict, decide
from wasup.actors.runtime import Runtime
from wasup.actors.session_messages import (
    Admit,
    Admitted,
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
from wasup.actors.status import StatusKeeper
from wasup.actors.sync import FenceLost
from wasup.identifiers import new_message_id, phone_of
from wasup.ports.accounts import Account, AccountStatus, Desired, Fence, StatusReason
from wasup.ports.disconnects import RESPONSES, DisconnectReason
from wasup.ports.session import Login
from wasup.ports.store import DatabaseUnavailable, NotOwner, OutgoingMessage, StoreError
from wasup.supervisor import (
    Actor,
    ActorRef,
    ChildNotFound,
    ChildRef,
    ChildSpec,
    ChildStopTimedOut,
    EndTree,
    ExitReason,
    MailboxFull,
    Reply,
    StartFailed,
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
_CLOSE_PATIENCE = 10.0
_RETRY = 0.5

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
        self._session_spec = session
        self._runtime = runtime
        self._info = account
        self._fence = fence
        self._secret = secret
        self._stale = stale
        self._session: ActorRef[SessionMessage] | None = None
        self._end_reported = False
        self._streak: Counter[DisconnectReason] = Counter()
        self._logins = runtime.account_qr(account.id)
        self._opening = 0  # sessions being started by request
        self._suspended_until: int | None = None
        self._qr: Qr | None = None
        self._closing: list[Reply[AccountState | Refused]] = []
        self._logout_asked = False

    # ---- life --------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Take up what is stored; what was under way when an earlier life ended is begun again."""
        if self._stale or self.ref.incarnation > 1:  # what the reconciler had read for the first life is old by now
            await self._read_again()
        account = self._info
        self._session_id = account.session_id
        self._first_sync = account.synchronised_at is None
        self._paired_at = account.paired_at or account.created_at
        self._keeper = StatusKeeper(self._runtime, self.registry, account, self._fence)
        self._due = account.desired is Desired.CONNECTED and account.status not in _RESTING
        if account.desired is Desired.DISCONNECTED and account.status in _WANT_SESSION | {_S.DISCONNECTING}:
            await self._become(_S.DISCONNECTED, StatusReason.REQUESTED)
        if account.status is _S.SUSPENDED and account.suspended_until is not None:
            self._suspend_until(account.suspended_until)
        self.registry.register(account_name(account.id), self.ref)

    async def _read_again(self) -> None:
        """Read account and login, as soon as there is a database."""
        while True:
            try:
                accounts = self._runtime.stores.accounts
                account = await accounts.account(self._info.id)
                secrets = await accounts.login_secrets([self._info.id])
            except DatabaseUnavailable:
                await trio.sleep(_RETRY)
            else:
                break
        if account is None:
            raise EndTree("the account is deleted")
        self._info = account
        self._secret = secrets.get(account.id)

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
        self._session = None
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
                self._first_sync = False
            case CompareChats():
                if self._session is not None and self._keeper.status is _S.CONNECTED:
                    with suppress(MailboxFull):  # it is busy enough
                        self._session.tell_nowait(message)
            case SessionClosed():
                await self._closed()
            case SessionGaveUp(why=why):
                if self._keeper.status in _WANT_SESSION and not self._opening:
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
        pairs_anew = self._secret is None or status is _S.NEEDS_PAIRING
        if begins and pairs_anew:
            wait = self._login_wait()
            if wait > 0:
                return Refused(refusal=Refusal.RATE_LIMITED, detail="too many QR logins were begun", retry_after=wait)
        refused = await self._set_desired(Desired.CONNECTED)
        if refused is not None:
            return refused
        # A login that has led to `needs_pairing` would lead there again.
        if status is _S.NEEDS_PAIRING and self._secret is not None and not await self._forget_login():
            return Refused(refusal=Refusal.UNAVAILABLE, detail="the old login cannot be removed now", retry_after=1.0)
        if begins:
            self._streak.clear()
            await self._begin(StatusReason.REQUESTED)
        return self._keeper.state()

    def _login_wait(self) -> float:
        """Count a QR login; seconds to wait when there were too many, of the account or of its workspace."""
        now = trio.current_time()
        workspace = self._runtime.workspace_qr(self._info.workspace_id)
        wait = max(self._logins.wait(now), workspace.wait(now))
        if wait <= 0:
            self._logins.note(now)
            workspace.note(now)
        return wait

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
        """End the session, unlinking on WhatsApp's side first where that was asked for."""
        if unlink is not None:
            with trio.move_on_after(_CLOSE_PATIENCE):
                try:
                    await unlink.ask(LogOut(), timeout=_CLOSE_PATIENCE)
                except SupervisorError as error:
                    log.warning("account.unlink_failed", account_id=self._info.id, error=str(error))
        try:
            await self.supervisor.terminate_child(SESSION)
        except ChildStopTimedOut as error:  # it is cancelled, and nothing that it still tells is heeded
            log.error("account.session_resists", account_id=self._info.id, error=str(error))
        except SupervisorError:
            return  # the whole tree is ending
        await self.ref.tell(SessionClosed())

    async def _closed(self) -> AccountState | Refused:
        """Nothing runs any more."""
        answer: AccountState | Refused | None = None
        if self._logout_asked:
            self._logout_asked = False
            if not await self._forget_login():
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
        if self._keeper.status not in _SENDABLE or self._secret is None:
            return self._wrong_state("the account cannot send now")
        missing = cannot_send(message.content, self._runtime.providers[self._info.provider_type].capabilities)
        if missing is not None:
            return Refused(refusal=Refusal.NOT_SUPPORTED, detail=missing)
        try:
            stored, new = await self._runtime.stores.messages.queue_message(
                OutgoingMessage(
                    fence=self._fence,
                    workspace_id=self._info.workspace_id,
                    provider_type=self._info.provider_type,
                    chat=message.chat,
                    message_id=new_message_id(),
                    content=message.content,
                    quoted_id=message.quoted_id,
                    idempotency_key=message.idempotency_key,
                )
            )
        except DatabaseUnavailable as error:
            return Refused(refusal=Refusal.UNAVAILABLE, detail=str(error))
        except NotOwner as error:
            raise EndTree(str(error)) from error
        except StoreError as error:  # a conflict, or something that the database does not take
            return Refused(refusal=Refusal.INVALID, detail=str(error))
        if new and self._session is not None and self._session.alive:
            self._session.tell_nowait(Nudge())
        return Queued(message=stored, new=new)

    # ---- what the session tells --------------------------------------------------------------

    async def _begin(self, reason: StatusReason) -> None:
        """Have a session started, whatever is going on now."""
        self._due = True
        self._suspended_until = None
        gave_up = self._keeper.status is _S.FAILED
        if self._keeper.status is not _S.RECONNECTING:
            await self._become(_S.STARTING, reason)
        self._opening += 1
        self.nursery.start_soon(self._open_session, gave_up)

    async def _open_session(self, afresh: bool) -> None:  # noqa: FBT001 - started in a nursery
        """Start the session now; whatever comes of it is told, so that the account is not left waiting for it.

        Args:
            afresh: with a new budget.
        """
        failure = "the session before it does not end"
        deadline = trio.current_time() + _PATIENCE
        try:
            while trio.current_time() < deadline:
                try:
                    await self._start_session(afresh=afresh)
                except ChildStopTimedOut:
                    await trio.sleep(_RETRY)
                else:
                    return
        except StartFailed as error:  # nobody tries again by himself
            failure = str(error.reason)
        except SupervisorError as error:  # another request was faster, or the tree is ending
            log.info("account.session_not_opened", account_id=self._info.id, why=str(error))
            return
        finally:
            self._opening -= 1
        await self.ref.tell(SessionGaveUp(why=failure))

    async def _start_session(self, *, afresh: bool) -> None:
        try:
            await self.supervisor.terminate_child(SESSION)  # calls a backoff off
            if afresh:
                await self.supervisor.delete_child(SESSION)
        except ChildNotFound:
            afresh = True
        if afresh:
            await self.supervisor.start_child(self._session_spec)
        else:
            await self.supervisor.restart_child(SESSION)

    async def _admit(self, session: ActorRef[SessionMessage]) -> Admitted | None:
        """A session asks whether it may run."""
        if not self._due:
            return None
        self._session = session
        self._end_reported = False
        self.monitor(session)
        if self._keeper.status is not _S.STARTING:
            await self._become(_S.STARTING, StatusReason.PROGRESS if self._streak else StatusReason.BOOT)
        login = Login(account_id=self._info.id, session_id=self._session_id, secret=self._secret)
        return Admitted(login=login, first_sync=self._first_sync, paired_at=self._paired_at)

    async def _qr_offered(self, offer: QrOffered) -> None:
        if self._keeper.status not in {_S.STARTING, _S.QR_SCANNING}:
            return
        self._qr = Qr(code=offer.code, attempt=offer.attempt, expires_at=offer.expires_at)
        if self._keeper.status is _S.STARTING:
            await self._become(_S.QR_SCANNING, StatusReason.PROGRESS)
        await self._keeper.offer_qr(offer.code, attempt=offer.attempt, expires_at=offer.expires_at)

    async def _paired(self, paired: PairedWith) -> None:
        """Store the login before anything else happens; the session waits for that."""
        phone = phone_of(paired.me.id)
        while True:
            try:
                await self._runtime.stores.accounts.save_login(
                    self._fence,
                    paired.secret,
                    phone_number=phone or paired.me.id,
                    lid=paired.me.lid,
                    push_name=paired.me.push_name,
                )
            except DatabaseUnavailable as error:
                log.warning("account.login_waits", account_id=self._info.id, error=str(error))
                await trio.sleep(_RETRY)
            except NotOwner as error:
                raise EndTree(str(error)) from error
            else:
                break
        self._secret = paired.secret
        self._first_sync, self._paired_at = True, self._runtime.clock.now_ms()
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
            await self._forget_login()  # if that fails the worthless login does no harm: it is never used again
            self._secret = None
        self._due = decision.verdict is not Verdict.STAY_DOWN
        until = int(ended.until * 1000) if ended.until is not None else None
        await self._become(decision.status, ended.reason, ended.detail, suspended_until=until)
        if decision.status is _S.SUSPENDED and until is not None:
            self._suspend_until(until)
        return decision.verdict

    async def _forget_login(self) -> bool:
        """Remove the login; False when there is no database."""
        try:
            self._session_id = await self._runtime.stores.accounts.forget_login(self._fence)
        except DatabaseUnavailable as error:
            log.warning("account.login_kept", account_id=self._info.id, error=str(error))
            return False
        except NotOwner as error:
            raise EndTree(str(error)) from error
        self._secret = None
        await forget_at_provider(self._runtime, self._info.id, self._info.provider_type)
        return True

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
