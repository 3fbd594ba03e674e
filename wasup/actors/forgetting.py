"""What a provider keeps of a login outside the database goes when the login is forgotten."""

import structlog
import trio

from wasup.actors.runtime import Runtime
from wasup.ports.store import DatabaseUnavailable

__all__ = ["forget_at_provider"]

_PATIENCE = 20.0

log = structlog.get_logger("wasup.forgetting")


async def forget_at_provider(runtime: Runtime, account_id: int, provider_type: str) -> None:
    """Have it removed; the account's session has ended. What fails is done by a later sweep of the reconciler."""
    provider = runtime.providers.get(provider_type)
    try:
        if provider is not None:
            with trio.fail_after(_PATIENCE):
                await provider.forget(account_id)
        await runtime.stores.accounts.login_forgotten(account_id)
    except DatabaseUnavailable as error:
        log.info("login.forgotten_unrecorded", account_id=account_id, why=str(error))
    except Exception as error:  # noqa: BLE001 - whatever hinders a provider must not hinder the account
        log.error("login.not_forgotten", account_id=account_id, error=repr(error))
