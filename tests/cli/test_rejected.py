"""`wasup rejected` against the API over a real database."""

import json
from pathlib import Path

import pytest
import trio
from typer.testing import CliRunner, Result

from tests.http.test_database import stored
from wasup.cli import app
from wasup.http import create_app, serve_http
from wasup.ports.messages import Message, Text
from wasup.ports.sync import IncomingBatch

CHAT = "5511999990001@c.us"


async def test_what_was_rejected_is_listed_shown_tried_again_and_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For people and as JSON; every change is in the audit log, and other keys than an admin's see nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    async with stored(tmp_path) as (client, database), trio.open_nursery() as nursery:
        account_id = await client.account()
        fence = (await database.ownership.claim([account_id]))[account_id]
        ids = ["IN1", "IN2", "IN\ud83d"]
        for id_ in ids:
            body = Text(body="secret words")
            item = Message(id=id_, chat=CHAT, sender=CHAT, from_me=False, timestamp=1, content=body)
            batch = IncomingBatch(fence=fence, workspace_id=1, provider_type="emulated", items=(item,))
            await database.sync.reject(batch, "Data too long for column 'push_name'")
        ports: list[int] = []
        up = trio.Event()
        application = create_app(client.world.services)

        def started(port: int) -> None:
            ports.append(port)
            up.set()

        async def serve() -> None:
            await serve_http(application, host="127.0.0.1", port=0, started=started, stop=trio.Event())

        nursery.start_soon(serve)
        await up.wait()

        async def run(*arguments: str, key: str = client.world.admin) -> Result:
            options = ["--url", f"http://127.0.0.1:{ports[0]}", "--key", key]
            return await trio.to_thread.run_sync(
                lambda: CliRunner().invoke(app, ["rejected", *arguments, *options], catch_exceptions=False)
            )

        listed = await run("list")
        assert "Data too long for column 'push_name'" in listed.stdout
        assert "secret words" not in listed.stdout
        rows = json.loads((await run("list", "--json", "--limit", "2")).stdout)
        assert [row["id"] for row in rows] == [3, 2]
        assert (await run("list", "--account", str(account_id + 1))).stdout == "Nothing was rejected.\n"
        assert "secret words" in (await run("show", "1")).stdout
        assert json.loads((await run("show", "1", "--json")).stdout)["message_id"] == "IN1"
        assert (await run("retry", "1")).exit_code == 0
        messages = (await client.get(f"/api/messages?account_id={account_id}")).json()["data"]
        assert [row["message_id"] for row in messages] == ["IN1"]
        rest = await run("retry", "--all")
        assert rest.exit_code == 1
        assert "2: stored" in rest.stdout
        assert "3: " in rest.stdout
        assert "too odd" in rest.stdout
        assert (await run("retry")).exit_code == 2
        assert "3: discarded" in (await run("discard", "3")).stdout
        assert (await run("list")).stdout == "Nothing was rejected.\n"
        assert (await run("show", "3")).exit_code == 1
        assert (await run("list", key=client.world.key)).exit_code == 1
        changes = await database.audit.entries(workspace_id=None)
        assert [entry.action for entry in changes][:3] == ["discard_rejected", "retry_rejected", "retry_rejected"]
        nursery.cancel_scope.cancel()
