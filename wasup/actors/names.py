"""The names under which actors are registered, and the paths of the tree that are read elsewhere."""

from typing import Any

from wasup.supervisor import ActorRef, Registry

__all__ = [
    "ACCOUNTS",
    "DELIVERIES",
    "RECONCILER",
    "SESSION",
    "account_name",
    "account_of_path",
    "account_path",
    "actor_called",
    "delivery_name",
    "writer_name",
]

ACCOUNTS = "accounts"
DELIVERIES = "deliveries"
RECONCILER = "reconciler"
SESSION = "session"


def account_name(account_id: int) -> str:
    """The registered name of an account's actor."""
    return f"account-{account_id}"


def delivery_name(endpoint_id: int) -> str:
    """The child id and registered name of an endpoint's delivery actor."""
    return f"endpoint-{endpoint_id}"


def writer_name(shard: int) -> str:
    """The child id and registered name of a sync writer."""
    return f"writer-{shard}"


def account_path(account_id: int) -> str:
    """The path of the tree of an account."""
    return f"root/{ACCOUNTS}/{account_id}"


def account_of_path(path: str) -> int | None:
    """The account whose tree holds this path (`root/accounts/42/session` -> 42), else None."""
    match path.split("/"):
        case [_, "accounts", account_id, *_] if account_id.isascii() and account_id.isdigit():
            return int(account_id)
        case _:
            return None


def actor_called(registry: Registry, name: str) -> ActorRef[Any] | None:
    """The living actor with this name, or None."""
    ref = registry.whereis(name)
    return ref if isinstance(ref, ActorRef) else None
