"""Commands to an account's actor: a message with a deadline, and an answer or a problem."""

from typing import TypeVar

from wasup.actors.messages import Refused
from wasup.http.auth import Principal
from wasup.http.problems import refused
from wasup.http.services import Services
from wasup.http.tenancy import owning_workspace
from wasup.supervisor import Request

__all__ = ["command"]

R = TypeVar("R")


async def command(services: Services, caller: Principal, account_id: int, request: Request[R | Refused]) -> R:
    """Say something to an account's actor and wait for its answer.

    Raises:
        Problem: the account is unknown, or the actor refused.
        trio.TooSlowError: it did not answer in time.
    """
    await owning_workspace(services, caller, account_id)
    answer = await services.directory.ask(account_id, request, timeout=services.settings.command_timeout)
    if isinstance(answer, Refused):
        raise refused(answer)
    return answer
