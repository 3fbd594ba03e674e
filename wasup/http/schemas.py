"""Bodies of requests and answers that are not plain rows of the store."""

from typing import Annotated

import msgspec

from wasup.http.cursors import Id
from wasup.ports.accounts import Account, AccountStatus, Desired, Transition

__all__ = [
    "AccountView",
    "CreateAccount",
    "CreateWorkspace",
    "PairingRequest",
    "ProviderType",
    "TransitionView",
    "UpdateAccount",
    "account_view",
    "transition_view",
]

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
ProviderType = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class CreateWorkspace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workspace to be created."""

    name: Name


class CreateAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to be created. Only an admin key names the workspace; other keys have one.

    Attributes:
        provider_type: how the account reaches WhatsApp; the instance's default if left out.
    """

    name: Name | None = None
    provider_type: ProviderType | None = None
    workspace_id: Id | None = None


class UpdateAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be changed of an account; null takes the name away."""

    name: Name | None


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account. Times are UTC epoch milliseconds.

    `desired` is what was asked for, `status` what is so now; `status_reason`, `status_detail` and `status_since`
    tell of its last change.
    """

    id: int
    uuid: str
    workspace_id: int
    provider_type: str
    name: str | None
    session_id: str
    phone_number: str | None
    lid: str | None
    push_name: str | None
    status: AccountStatus
    status_reason: str | None
    status_detail: str | None
    status_since: int
    suspended_until: int | None
    desired: Desired
    is_primary: bool
    last_activity_at: int | None
    last_connected_at: int | None
    created_at: int
    updated_at: int
    deleted_at: int | None = None


def account_view(account: Account) -> AccountView:
    """An account as clients see it: without its QR code, which is a way in and has its own route."""
    return msgspec.convert(account, AccountView, from_attributes=True)


class TransitionView(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an account's status, with its reason; `at` in UTC epoch milliseconds."""

    id: int
    account_id: int
    old: AccountStatus
    new: AccountStatus
    reason: str
    detail: str
    at: int


def transition_view(step: Transition) -> TransitionView:
    """A transition as clients see it."""
    return TransitionView(
        id=step.id,
        account_id=step.account_id,
        old=step.old,
        new=step.new,
        reason=str(step.reason),
        detail=step.detail,
        at=step.at,
    )


class PairingRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The phone number that is to be linked, with its country: `+55 11 99999-8888`."""

    phone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
