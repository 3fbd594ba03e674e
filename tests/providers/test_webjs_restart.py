"""What a page was told of and a whole wasup was not, in real Chromium: it is stored after the restart."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import trio

from tests.e2e.system import prepared
from tests.emulator.process import running_emulator
from tests.providers.conformance import ADA
from tests.providers.webjs import told_to_the_page
from wasup.cli.demo.api import Api
from wasup.ports.messages import Edit, Reaction, Revoke, deletion_id

_HERE: dict[str, object] = {"browser__disk_reserve": 0, "browser__max_sessions": 1, "backoff_initial": 0.2}
_PATIENCE = 60.0
_POLL = 0.05


class Rows:
    """What is stored of an account's messages."""

    def __init__(self, api: Api, account_id: int) -> None:
        self._api = api
        self._account_id = account_id

    async def become(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the messages, by id, are as they should be."""
        with trio.fail_after(_PATIENCE):
            while True:
                stored = {row["message_id"]: row for row in await self._api.messages(self._account_id)}
                if wanted(stored):
                    return stored
                await trio.sleep(_POLL)


async def test_what_the_page_was_told_and_we_were_not_is_stored_after_the_restart(tmp_path: Path) -> None:
    """The page takes it from WhatsApp while wasup stands still, and both die: nothing would be told again."""
    async with running_emulator(read_after=3600) as emulator:
        web = {"browser__url": f"{emulator.url}/web/", **_HERE}
        async with (
            prepared(f"sqlite:///{tmp_path / 'wasup.db'}", tmp_path, emulator, **web) as wasup,
            wasup.api() as api,
        ):
            account_id, phone = await api.create_account("Seam", "webjs"), "5511960000001"
            await api.connect(account_id)
            with trio.fail_after(_PATIENCE):
                while (code := await api.qr(account_id)) is None:
                    await trio.sleep(_POLL)
            await emulator.scan(code, phone)
            rows = Rows(api, account_id)
            await rows.become(lambda stored: len(stored) == 1)  # the first synchronisation brings it
            edited, deleted, liked = [
                (await emulator.incoming(ADA, body, phone=phone))[0] for body in ("frist", "oops", "nice")
            ]
            mine = await api.send(account_id, f"+{ADA.partition('@')[0]}", "hello", "key-1")
            await rows.become(lambda stored: {edited, deleted, liked} <= stored.keys())
            await rows.become(lambda stored: stored[mine]["status"] == "delivered")

            os.kill(wasup.pid, signal.SIGSTOP)
            told = []
            for content in (
                Edit(target_id=edited, body="first"),
                Revoke(target_id=deleted),
                Reaction(target_id=mine, emoji="+"),
            ):
                told += await emulator.incoming(ADA, phone=phone, content=msgspec.to_builtins(content))
            missed = await emulator.incoming(ADA, "are you there?", phone=phone)
            await emulator.ctl("read", chat=ADA, phone=phone)
            await told_to_the_page(emulator, phone)
            wasup.kill()

            await wasup.start()
            await rows.become(lambda stored: missed[0] in stored)
            await rows.become(lambda stored: stored[mine]["status"] == "read")
            stored = await rows.become(lambda stored: {told[0], told[2], deletion_id(deleted)} <= stored.keys())
            assert stored[edited]["content"]["body"] == "first"
            assert stored[edited]["edited_at"] is not None
            assert stored[deleted]["revoked_at"] is not None
            assert stored[told[2]]["content"] == {"type": "reaction", "target_id": mine, "emoji": "+"}
            assert told[1] not in stored, "the deletion itself was never seen"
            assert len(stored) == 9
