"""Taking a message for sending: stored under an id of ours before anybody is told that it was accepted."""

from wasup.actors.messages import Queued, Refusal, Refused, SendMessage
from wasup.actors.outgoing import cannot_send
from wasup.actors.runtime import Runtime
from wasup.identifiers import new_message_id
from wasup.ports.accounts import Account, Fence
from wasup.ports.store import DatabaseUnavailable, NotOwner, OutgoingMessage, StoreError
from wasup.supervisor import EndTree

__all__ = ["queue_message"]


async def queue_message(
    runtime: Runtime, account: Account, fence: Fence, message: SendMessage, *, handed_over: bool
) -> Queued | Refused:
    """Store a message to be sent, unless its idempotency key is known.

    Args:
        runtime: what the actors share.
        account: that it goes out from.
        fence: of its owner.
        message: that it is.
        handed_over: its session is given it as soon as it is stored.

    Raises:
        EndTree: another instance owns the account.
    """
    missing = cannot_send(message.content, runtime.providers[account.provider_type].capabilities)
    if missing is not None:
        return Refused(refusal=Refusal.NOT_SUPPORTED, detail=missing)
    try:
        stored, new = await runtime.stores.messages.queue_message(
            OutgoingMessage(
                fence=fence,
                workspace_id=account.workspace_id,
                provider_type=account.provider_type,
                chat=message.chat,
                message_id=new_message_id(),
                content=message.content,
                quoted_id=message.quoted_id,
                idempotency_key=message.idempotency_key,
                handed_over=handed_over,
            )
        )
    except DatabaseUnavailable as error:
        return Refused(refusal=Refusal.UNAVAILABLE, detail=str(error))
    except NotOwner as error:
        raise EndTree(str(error)) from error
    except StoreError as error:  # a conflict, or something that the database does not take
        return Refused(refusal=Refusal.INVALID, detail=str(error))
    return Queued(message=stored, new=new)
