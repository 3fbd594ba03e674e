"""The seam between WhatsApp's page and us, in real Chromium: history, what has become of messages, and broken ways."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from tests.emulator.process import emulator_at
from tests.providers.conformance import ADA, GRACE, LINUS, PATIENCE, Harness, collect, the_end
from tests.providers.stage import Stage, on_stage
from tests.providers.webjs import WebjsHarness, webjs_harness
from wasup.ports.disconnects import DisconnectReason
from wasup.ports.messages import Edit, Message, MessageStatus, Reaction, Receipt, Revoke, Text, deletion_id
from wasup.ports.session import SendFailed, Session, TryLater
from wasup.providers.webjs import Limits


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebjsHarness]:
    """The provider with a browser in reserve."""
    limits = Limits(heal=5.0, answer=3.0, hang=1.0)
    with (
        emulator_at() as url,
        Stage(lambda: webjs_harness(tmp_path_factory.mktemp("webjs"), url, url, limits)) as stage,
    ):
        stage.prop.stage = stage
        yield stage.prop


async def everything(
    session: Session, chat: str, *, limit: int = 1000
) -> tuple[list[Message], list[Message | Receipt]]:
    """All of a chat's history, a page after the other; and what has become of it."""
    messages: list[Message] = []
    changes: list[Message | Receipt] = []
    while True:
        page = await session.history(chat, after_id=messages[-1].id if messages else None, limit=limit)
        assert page.messages or not page.more, "a page that shows nothing is the last one"
        assert page.readable
        messages += page.messages
        changes += page.changes
        if not page.more:
            return messages, changes


def written(changes: list[Message | Receipt]) -> dict[str, Message]:
    """The messages among the changes, by id."""
    return {change.id: change for change in changes if isinstance(change, Message)}


@on_stage
async def test_history_tells_what_has_become_of_messages(harness: Harness) -> None:
    """Receipts, reactions, edits and deletions, as they were told live: the same ids, people and times."""
    async with harness.ready() as (phone, session):
        edited = await harness.write(phone, ADA, "frist")
        deleted = await harness.write(phone, ADA, "oops")
        quiet = await harness.write(phone, ADA, "quiet")
        mine = (await session.send(ADA, Text(body="hi"), message_id=f"3EB0{phone}01")).id
        live = written(await collect(session, Message, 3))
        assert len(await collect(session, Receipt, 2)) == 2
        for content in (
            Reaction(target_id=mine, emoji="🎉"),
            Edit(target_id=edited, body="first"),
            Revoke(target_id=deleted),
        ):
            await harness.write(phone, ADA, content)
        live |= written(await collect(session, Message, 3))
        await session.send(ADA, Reaction(target_id=quiet, emoji="+"), message_id=f"3EB0{phone}02")
        await session.send(ADA, Edit(target_id=mine, body="hello"), message_id=f"3EB0{phone}03")

        messages, changes = await everything(session, ADA)
        assert [message.id for message in messages[-3:]] == [edited, quiet, mine]
        assert messages[-3].content == Text(body="first")
        found = written(changes)
        own = found.pop(f"3EB0{phone}03")
        assert own.from_me
        assert own.content == Edit(target_id=mine, body="hello")
        deletion = found.pop(deletion_id(deleted))
        assert (deletion.content, deletion.sender, deletion.from_me) == (Revoke(target_id=deleted), ADA, False)
        assert found == {id_: live[id_] for id_ in found}
        assert sorted(change.content.__class__.__name__ for change in found.values()) == ["Edit", "Reaction"]
        [receipt] = [change for change in changes if isinstance(change, Receipt)]
        assert (receipt.message_ids, receipt.status) == ((mine,), MessageStatus.READ)

        # Nothing is new since the last one: what happened to those before it is told all the same.
        page = await session.history(ADA, after_id=mine, limit=10)
        assert (page.messages, page.more) == ((), False)
        assert written(list(page.changes)).keys() - {edited, quiet} == written(changes).keys()


@on_stage
async def test_a_long_history_is_read_without_holes(harness: Harness) -> None:
    """Several rounds far back, pages that are full of notices, and a chat in which there are notices alone."""
    async with harness.ready() as (phone, session):
        ids = await harness.emulator.incoming(LINUS, "{n}", phone=phone, count=330)
        await harness.emulator.incoming(LINUS, phone=phone, content={"type": "e2e_notification"}, count=60)
        ids += await harness.emulator.incoming(LINUS, "{n}", phone=phone, count=20)
        await harness.emulator.incoming(GRACE, phone=phone, content={"type": "e2e_notification"}, count=60)
        while len(await session.chats()) < 4 or len((await everything(session, LINUS))[0]) < len(ids):
            await trio.sleep(0.05)
        messages, _ = await everything(session, LINUS, limit=50)
        assert [message.id for message in messages] == ids
        page = await session.history(LINUS, after_id=ids[0], limit=5)
        assert [message.id for message in page.messages] == ids[1:6]
        [grace] = [chat.id for chat in await session.chats() if GRACE in {chat.id, chat.alt}]
        assert await everything(session, grace, limit=50) == ([], [])
        assert (await session.history(LINUS, after_id=ids[-1], limit=5)).messages == ()


_LOOK_BEFORE_IT_ARRIVES = """() => {
  const { MsgStore, ChatStore } = WPP.whatsapp;
  const arrived = Promise.withResolvers();
  const arrive = MsgStore.processMultipleMessages;
  MsgStore.processMultipleMessages = async function (...received) {
    await arrived.promise;
    return arrive.apply(this, received);
  };
  const module = window.require('WAWebDBMessageFindLocal');
  const { msgFindByDirection } = module;
  module.msgFindByDirection = async (question) => {
    const found = await msgFindByDirection(question);
    for (const one of found.messages) {
      if (!MsgStore.get(one.id)) ChatStore.get(one.id.remote).msgs.add(MsgStore.add(one, { silent: true }));
    }
    return found;
  };
  window.letItArrive = () => {
    Object.assign(MsgStore, { processMultipleMessages: arrive });
    Object.assign(module, { msgFindByDirection });
    arrived.resolve();
  };
}"""
_UNLOAD = """(chat) => {
  const { ChatStore, MsgStore } = WPP.whatsapp;
  const where = ChatStore.get(chat);
  Object.defineProperty(where, 'lastReceivedKey', { value: where.msgs.last().id });
  for (const one of where.msgs.toArray()) {
    where.msgs.remove(one);
    MsgStore.remove(one);
  }
}"""
_FORGET_IN_DATABASE = """(id) => {
  const module = window.require('WAWebDBMessageFindLocal');
  const { msgFindByDirection } = module;
  module.msgFindByDirection = async (question) => {
    if (question.anchor.id === id) return { status: 404, messages: [] };
    const found = await msgFindByDirection(question);
    return { ...found, messages: found.messages.filter((one) => one.id.id !== id) };
  };
}"""


@on_stage
async def test_no_message_falls_between_history_and_what_is_told(harness: WebjsHarness) -> None:
    """One that is looked up before it arrives, is not loaded, is not in the database yet, or shares its second."""
    phone, login = await harness.paired()
    async with harness.opened(login) as session:
        page = harness.browser_of(login).page

        async def inside(script: str, *argument: Any) -> None:
            await harness.host.bridge.run(page.evaluate, script, *argument)

        first = await harness.write(phone, ADA, "first")
        await collect(session, Message, 1)

        await inside(_LOOK_BEFORE_IT_ARRIVES)
        ids = await harness.emulator.incoming(ADA, "hello {n}", phone=phone, count=2)
        with pytest.raises(SendFailed):  # what was found on the way is not handed to anybody
            await session.send(ADA, Text(body="x"), message_id=f"3EB0{phone}01", quoted_id="3EB0GONE")
        await inside("() => window.letItArrive()")
        assert [message.id for message in await collect(session, Message, 2)] == ids
        await harness.write(phone, LINUS, "another")
        [another] = await collect(session, Message, 1)
        assert another.chat == LINUS, "nothing is told twice"

        page_after = await session.history(ADA, after_id=ids[1], limit=10)
        assert page_after.messages == ()
        seconds = {message.id: message.timestamp for message in (await everything(session, ADA))[0]}
        same = {id_ for id_ in (first, *ids[:1]) if seconds[id_] == seconds[ids[1]]}
        assert written(list(page_after.changes)).keys() == same, "which came first in a second is not sure"

        ids += await harness.emulator.incoming(ADA, "{n}", phone=phone, count=2)
        await collect(session, Message, 2)
        await inside(_FORGET_IN_DATABASE, ids[-1])
        found = await session.history(ADA, after_id=first, limit=10)
        assert {message.id for message in found.messages} == set(ids)
        await inside("() => location.reload()")
        assert (await the_end(session)).reason is DisconnectReason.RESTART_REQUIRED
    async with harness.opened(login) as session:
        page = harness.browser_of(login).page
        await inside(_UNLOAD, ADA)
        found = await session.history(ADA, after_id=first, limit=10)
        assert [message.id for message in found.messages] == ids


@on_stage
async def test_a_message_that_is_decrypted_later_comes_then(harness: Harness) -> None:
    """Until then history is not whole, and says so; what follows it is not kept back."""
    async with harness.ready() as (phone, session):
        before = await harness.write(phone, ADA, "before")
        sealed = {"type": "ciphertext", "body": "secret", "readable_at": (time.time() + 2) * 1000}
        [message_id] = await harness.emulator.incoming(ADA, phone=phone, content=sealed)
        after = await harness.write(phone, ADA, "after")
        assert [message.id for message in await collect(session, Message, 2)] == [before, after]
        page = await session.history(ADA, after_id=before, limit=10)
        assert ([message.id for message in page.messages], page.readable) == ([after], False)
        [told] = await collect(session, Message, 1)
        assert (told.id, told.content) == (message_id, Text(body="secret"))
        page = await session.history(ADA, after_id=before, limit=10)
        assert ([message.id for message in page.messages], page.readable) == ([message_id, after], True)


_LOSE_ONE = """() => {
  const tell = window.__wasup_tell;
  window.__wasup_tell = async () => {
    window.__wasup_tell = tell;
    throw new Error('the way is blocked');
  };
}"""
_BREAK_HISTORY = """() => {
  const module = window.require('WAWebDBMessageFindLocal');
  const { msgFindByDirection } = module;
  module.msgFindByDirection = async () => { throw new Error('the database is closed'); };
  window.mend = () => { module.msgFindByDirection = msgFindByDirection; };
}"""
_ENDLESS_HISTORY = """() => {
  const module = window.require('WAWebDBMessageFindLocal');
  const { msgFindByDirection } = module;
  let t = 1e9;
  module.msgFindByDirection = async ({ anchor, count, direction }) => {
    if (direction === 'after') return { status: 200, messages: [] };
    const { MsgKey } = WPP.whatsapp;
    const key = (id) => new MsgKey({ fromMe: false, remote: anchor.remote, id });
    const one = () => ({ id: key(`OLD${--t}`), t, type: 'chat', body: '', from: anchor.remote });
    return { status: 200, messages: Array.from({ length: count }, one).reverse() };
  };
  window.mend = () => { module.msgFindByDirection = msgFindByDirection; };
}"""
_BREAK_REACTIONS = """() => {
  const module = window.require('WAWebSendReactionMsgAction');
  const { sendReactionToMsg } = module;
  module.sendReactionToMsg = async () => { throw new Error('not now'); };
  window.mend = () => { module.sendReactionToMsg = sendReactionToMsg; };
}"""
_ODD_MESSAGES = """(chat) => {
  const { ContactStore, ChatStore } = WPP.whatsapp;
  ContactStore.get(chat).set({ pushname: 'cut \\ud83d' });
  Object.defineProperty(ChatStore.get(chat).msgs.last(), 'quotedStanzaID', { get() { throw new Error('odd'); } });
}"""


@on_stage
async def test_what_breaks_in_the_page_is_told_by_its_name_and_heals(harness: WebjsHarness) -> None:
    """History that fails or has no end, a way out that is blocked, a reaction that failed, what cannot be read."""
    phone, login = await harness.paired()
    async with harness.opened(login) as session:
        page = harness.browser_of(login).page

        async def inside(script: str, *argument: Any) -> None:
            await harness.host.bridge.run(page.evaluate, script, *argument)

        first = await harness.write(phone, ADA, "first")
        await collect(session, Message, 1)

        with pytest.raises(LookupError):
            await session.history("15550009999@c.us", after_id=None, limit=10)
        for breakage in (_BREAK_HISTORY, _ENDLESS_HISTORY):
            await inside(breakage)
            with pytest.raises(TryLater):
                await session.history(ADA, after_id="3EB0GONE", limit=10)
            await inside("() => window.mend()")
        with pytest.raises(LookupError):
            await session.history(ADA, after_id="3EB0GONE", limit=10)

        await inside(_LOSE_ONE)
        lost = await harness.write(phone, ADA, "lost once")
        [told] = await collect(session, Message, 1)
        assert told.id == lost
        await session.probe()

        reaction = Reaction(target_id=first, emoji="🎉")
        await inside(_BREAK_REACTIONS)
        with pytest.raises(SendFailed):
            await session.send(ADA, reaction, message_id=f"3EB0{phone}01")
        await inside("() => window.mend()")
        on_phone = await harness.write(phone, ADA, reaction, from_me=True)
        [told] = await collect(session, Message, 1)
        assert told.id == on_phone, "the phone's own reaction is not taken for the one that failed"

        await inside(_ODD_MESSAGES, ADA)
        assert "cut \ufffd" in {contact.push_name for contact in await session.contacts()}
        odd = (await session.history(ADA, after_id=first, limit=10)).messages[-1]
        assert (odd.id, odd.content.__class__.__name__) == (lost, "Unsupported")

        await inside("() => { window.__wasup_tell = () => new Promise(() => {}); }")
        with pytest.raises(Exception, match="deaf"), trio.fail_after(PATIENCE + 5):
            await session.probe()
