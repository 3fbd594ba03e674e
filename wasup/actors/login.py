"""An account's login: read, stored and forgotten in step with the database."""

import structlog
import trio

from wasup.actors.forgetting import forget_at_provider
from wasup.actors.runtime import Runtime
from wasup.actors.session_messages import Admitted, PairedWith
from wasup.identifiers import phone_of
from wasup.ports.accounts import Account, Fence
from wasup.ports.session import Login
from wasup.ports.store import DatabaseUnavailable, NotOwner
from wasup.supervisor import EndTree

__all__ = ["LoginKeeper", "read_account"]

_RETRY = 0.5

log = structlog.get_logger("wasup.login")


async def read_account(runtime: Runtime, account_id: int) -> tuple[Account, bytes | None]:
    """The account and the secret of its login, as soon as there is a database.

    Raises:
        EndTree: the account is deleted.
    """
    accounts = runtime.stores.accounts
    while True:
        try:
            account = await accounts.account(account_id)
            secrets = await accounts.login_secrets([account_id])
        except DatabaseUnavailable:
            await trio.sleep(_RETRY)
        else:
            break
    if account is None:
        raise EndTree("the account is deleted")
    return account, secrets.get(account_id)


class LoginKeeper:
    """Holds the login, and lets no session have one that is not stored.

    Attributes:
        secret: what the provider needs to log in again; None when there is no login, or a worthless one.
        first_sync: the login has not been synchronised for the first time yet.
    """

    def __init__(self, runtime: Runtime, account: Account, fence: Fence, secret: bytes | None) -> None:
        self._runtime = runtime
        self._account = account
        self._fence = fence
        self._attempts = runtime.account_qr(account.id)
        self._session_id = account.session_id
        self._paired_at = account.paired_at or account.created_at
        self.secret = secret
        self.first_sync = account.synchronised_at is None

    def admit(self) -> Admitted:
        """What a session is let in with."""
        login = Login(account_id=self._account.id, session_id=self._session_id, secret=self.secret)
        return Admitted(login=login, first_sync=self.first_sync, paired_at=self._paired_at)

    def wait(self) -> float:
        """Count a login by QR code; seconds to wait when there were too many, of the account or of its workspace."""
        now = trio.current_time()
        workspace = self._runtime.workspace_qr(self._account.workspace_id)
        wait = max(self._attempts.wait(now), workspace.wait(now))
        if wait <= 0:
            self._attempts.note(now)
            workspace.note(now)
        return wait

    async def save(self, paired: PairedWith) -> None:
        """Store a new login, however long there is no database.

        Raises:
            EndTree: another instance owns the account.
        """
        while True:
            try:
                await self._runtime.stores.accounts.save_login(
                    self._fence,
                    paired.secret,
                    phone_number=phone_of(paired.me.id) or paired.me.id,
                    lid=paired.me.lid,
                    push_name=paired.me.push_name,
                )
            except DatabaseUnavailable as error:
                log.warning("account.login_waits", account_id=self._account.id, error=str(error))
                await trio.sleep(_RETRY)
            except NotOwner as error:
                raise EndTree(str(error)) from error
            else:
                break
        self.secret = paired.secret
        self.first_sync, self._paired_at = True, self._runtime.clock.now_ms()

    async def forget(self) -> bool:
        """Remove the login, here and at the provider; False when there is no database.

        Raises:
            EndTree: another instance owns the account.
        """
        try:
            self._session_id = await self._runtime.stores.accounts.forget_login(self._fence)
        except DatabaseUnavailable as error:
            log.warning("account.login_kept", account_id=self._account.id, error=str(error))
            return False
        except NotOwner as error:
            raise EndTree(str(error)) from error
        self.secret = None
        await forget_at_provider(self._runtime, self._account.id, self._account.provider_type)
        return True
