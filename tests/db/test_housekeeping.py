"""Received media whose files are gone are forgotten, those of the workspace and of no other."""

from typing import Any

from wasup.ports.resources import MessageMedia


async def test_rows_of_files_that_are_gone_go(world: Any, message: Any) -> None:
    """The messages stay, and their media may be fetched again."""
    fence, other = await world.accounts(2)
    await world.commit(fence, message(1), message(2))
    await world.commit(other, message(3))
    stranger = (await world.db.keys.create_workspace("second")).id
    rows = [row[0] for row in await world.rows("SELECT id FROM messages ORDER BY id")]
    digests = ["a" * 64, "b" * 64, "a" * 64]
    for row_id, digest in zip(rows, digests, strict=True):
        await world.db.message_media.remember_media(
            MessageMedia(message_row_id=row_id, digest=digest, mime="image/png", size=7)
        )
    gone = world.db.retention.media_gone
    assert await gone(stranger, digests) == 0
    assert await gone(world.workspace_id, ["a" * 64, "c" * 64]) == 2
    assert [await world.db.message_media.media_of(row) is None for row in rows] == [True, False, True]
    assert await world.value("SELECT COUNT(*) FROM messages") == 3
