"""Accounts, keys, queued messages and figures."""

from typing import Any

import pytest

from wasup.ports.accounts import AccountStatus, Desired, StatusReason, Transition
from wasup.ports.messages import MessageStatus, Text
from wasup.ports.store import Conflict, NewAccount, NotOwner, OutgoingMessage, QrOffer, StatusChange

CHAT = "5511999990001@c.us"


def step(fence: Any, old: AccountStatus, new: AccountStatus, at: int = 1_790_000_000_000) -> StatusChange:
    """A transition."""
    return StatusChange(
        transition=Transition(
            account_id=fence.account_id, old=old, new=new, reason=StatusReason.PROGRESS, detail="d" * 900, at=at
        )
    )


def outgoing(world: Any, fence: Any, message_id: str, **more: Any) -> OutgoingMessage:
    """A text to be sent."""
    values: dict[str, Any] = {"chat": CHAT, "content": Text(body="hi")} | more
    return OutgoingMessage(
        fence=fence, workspace_id=world.workspace_id, provider_type="emulated", message_id=message_id, **values
    )


async def test_the_first_account_is_primary_and_its_heir_is_the_oldest(world: Any) -> None:
    """Deleting the primary passes its role on; a deleted account is not found."""
    first, second = await world.accounts(2)
    assert (await world.db.accounts.account(first.account_id)).is_primary
    assert not (await world.db.accounts.account(second.account_id)).is_primary
    assert await world.db.accounts.delete_account(first.account_id, workspace_id=world.workspace_id)
    assert not await world.db.accounts.delete_account(first.account_id)
    assert await world.db.accounts.account(first.account_id) is None
    assert (await world.db.accounts.account(second.account_id)).is_primary


async def test_accounts_are_listed_by_workspace_status_and_page(world: Any) -> None:
    """Another workspace's accounts are invisible."""
    fences = await world.accounts(3)
    other = await world.db.keys.create_workspace("other")
    await world.db.accounts.create_account(NewAccount(workspace_id=other.id, provider_type="emulated"))
    store = world.db.accounts
    ids = [a.id for a in await store.accounts(workspace_id=world.workspace_id)]
    assert ids == [fence.account_id for fence in fences]
    assert [a.id for a in await store.accounts(workspace_id=None, after_id=ids[1], limit=1)] == [ids[2]]
    assert await store.accounts(workspace_id=None, status="connected") == []
    assert await store.accounts(workspace_id=None, status="no such status") == []
    assert await store.account(ids[0], workspace_id=other.id) is None


async def test_transitions_are_stored_with_their_event_and_history(world: Any) -> None:
    """The row, the history and the event; the QR code goes when the status leaves qr_scanning."""
    (fence,) = await world.accounts(1)
    await world.db.accounts.set_desired(fence.account_id, Desired.CONNECTED)
    await world.commit(fence, step(fence, AccountStatus.DISCONNECTED, AccountStatus.STARTING))
    await world.commit(
        fence,
        step(fence, AccountStatus.STARTING, AccountStatus.QR_SCANNING),
        QrOffer(code="2@abc", attempt=1, expires_at=1_790_000_020_000),
    )
    account = await world.db.accounts.account(fence.account_id)
    assert (account.status, account.qr_code) == (AccountStatus.QR_SCANNING, "2@abc")
    await world.commit(fence, step(fence, AccountStatus.QR_SCANNING, AccountStatus.CONNECTED))
    assert await world.db.accounts.desired_ids() == [fence.account_id]
    (account,) = await world.db.accounts.desired_accounts([999, fence.account_id])
    assert (account.status, account.qr_code) == (AccountStatus.CONNECTED, None)
    assert account.last_connected_at == 1_790_000_000_000
    history = await world.db.accounts.transitions(fence.account_id)
    assert [entry.new for entry in history] == ["connected", "qr_scanning", "starting"]
    older = await world.db.accounts.transitions(fence.account_id, before_id=history[0].id, limit=1)
    assert older == history[1:2]
    events = await world.db.stats.events(None, fence.account_id, 0, 10)
    assert [event.type for event in events] == [*["account.status"] * 2, "account.qr", "account.status"]


async def test_logins_are_stored_apart_and_forgotten(world: Any) -> None:
    """The secret is not part of the account; forgetting it gives a new session id."""
    (fence,) = await world.accounts(1)
    store = world.db.accounts
    before = (await store.account(fence.account_id)).session_id
    await store.save_login(fence, b"\0secret", phone_number="+5511999990001", lid="1@lid", push_name="Me")
    assert await store.login_secrets([fence.account_id, 99_999_999]) == {fence.account_id: b"\0secret"}
    assert (await store.account(fence.account_id)).phone_number == "+5511999990001"
    assert await store.forget_login(fence) != before
    assert await store.login_secrets([fence.account_id]) == {}
    await world.db.ownership.claim([fence.account_id])
    with pytest.raises(NotOwner):
        await store.save_login(fence, b"x", phone_number="+1", lid=None, push_name=None)


async def test_an_idempotency_key_gives_the_first_message_again(world: Any) -> None:
    """The same key is the same message; another content or account under it is a conflict."""
    fence, other = await world.accounts(2)
    queue = world.db.messages.queue_message
    first, new = await queue(outgoing(world, fence, "A", idempotency_key="k"))
    again, new_again = await queue(outgoing(world, fence, "B", idempotency_key="k"))
    assert (new, new_again, again.id) == (True, False, first.id)
    with pytest.raises(Conflict):
        await queue(outgoing(world, fence, "C", idempotency_key="k", content=Text(body="other")))
    with pytest.raises(Conflict):
        await queue(outgoing(world, other, "C", idempotency_key="k"))
    await world.db.ownership.claim([fence.account_id])
    with pytest.raises(NotOwner):
        await queue(outgoing(world, fence, "D"))


async def test_queued_messages_are_claimed_in_order_and_unfinished_ones_again(world: Any) -> None:
    """Claims count attempts; what was left in the middle comes again only when asked for."""
    (fence,) = await world.accounts(1)
    for name in "ABC":
        await world.db.messages.queue_message(outgoing(world, fence, name))
    claim = world.db.messages.claim_outgoing
    assert [m.message_id for m in await claim(fence, unfinished=False, limit=2)] == ["A", "B"]
    assert [m.message_id for m in await claim(fence, unfinished=False, limit=2)] == ["C"]
    again = await claim(fence, unfinished=True, limit=9)
    assert [(m.message_id, m.attempts, m.status) for m in again] == [
        ("A", 2, MessageStatus.SENDING), ("B", 2, MessageStatus.SENDING), ("C", 2, MessageStatus.SENDING),
    ]  # fmt: skip
    (chat,) = await world.db.messages.chats(workspace_id=None, account_id=fence.account_id)
    assert (chat.last_message, chat.message_status, chat.contact_phone) == ("hi", "sending", "+5511999990001")


async def test_what_was_handed_over_counts_as_taken_up_and_is_not_taken_up_again(world: Any) -> None:
    """A claim gives back what is known to be on its way, as it is; it takes up the others."""
    (fence,) = await world.accounts(1)
    for name in "ABC":
        await world.db.messages.queue_message(outgoing(world, fence, name, handed_over=name == "A"))
    claimed = await world.db.messages.claim_outgoing(fence, unfinished=False, limit=2, but={"A"})
    assert [(m.message_id, m.attempts, m.status) for m in claimed] == [
        ("A", 1, MessageStatus.QUEUED), ("B", 1, MessageStatus.SENDING),
    ]  # fmt: skip
    stored = await world.db.messages.messages(workspace_id=None, account_id=fence.account_id)
    assert [(m.message_id, m.attempts, m.status) for m in stored] == [
        ("C", 0, MessageStatus.QUEUED), ("B", 1, MessageStatus.SENDING), ("A", 1, MessageStatus.QUEUED),
    ]  # fmt: skip


async def test_messages_and_chats_page_without_gaps(world: Any, message: Any) -> None:
    """Pages follow each other, newest first."""
    (fence,) = await world.accounts(1)
    await world.commit(fence, *(message(n, chat=f"55119999900{n:02d}@c.us") for n in range(7)))
    store, before, got = world.db.messages, None, []
    while page := await store.messages(workspace_id=world.workspace_id, before_id=before, limit=3):
        got += [m.message_id for m in page]
        before = page[-1].id
    assert got == [f"IN{n}" for n in reversed(range(7))]
    cursor, names = None, []
    while chats := await store.chats(workspace_id=None, account_id=fence.account_id, before=cursor, limit=3):
        names += [chat.jid for chat in chats]
        cursor = (chats[-1].last_message_at, chats[-1].id)
    assert names == [f"55119999900{n:02d}@c.us" for n in reversed(range(7))]
    assert await store.message(page[0].id if page else before, workspace_id=world.workspace_id + 1) is None


async def test_keys_are_found_by_digest(world: Any) -> None:
    """A key is stored by its digest, with its scopes."""
    stored = await world.db.keys.save_key(
        b"\1" * 32, prefix="wsp_ab", workspace_id=world.workspace_id, scopes=["read", "send"], name="n"
    )
    assert await world.db.keys.key(b"\1" * 32) == stored
    assert await world.db.keys.key(b"\2" * 32) is None
    assert [w.name for w in await world.db.keys.workspaces()] == ["first"]


async def test_figures_are_aggregates(world: Any, message: Any) -> None:
    """Totals and account figures; accounts without anything have zeros."""
    first, second = await world.accounts(2)
    await world.commit(first, message(1), message(2), message(3, from_me=True))
    figures = await world.db.stats.account_stats([first.account_id, second.account_id])
    assert (figures[first.account_id].messages_in, figures[first.account_id].messages_out) == (2, 1)
    assert (figures[first.account_id].unread, figures[second.account_id].chats) == (2, 0)
    totals = await world.db.stats.totals()
    assert (totals.accounts, totals.messages_in, totals.messages_out, totals.events) == (2, 2, 1, 3)
