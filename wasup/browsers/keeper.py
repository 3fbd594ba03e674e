"""wasup's side of the guard: starts it, renews its deadline, replaces it when it dies."""

import subprocess
import sys
from contextlib import suppress

import structlog
import trio

from wasup.browsers import guard
from wasup.browsers.processes import glance

__all__ = ["keep_guard"]

_BEATS = 8  # to one deadline
_PAUSE = 1.0

log = structlog.get_logger("wasup.browsers")


async def keep_guard(
    mark: str, deadline: float, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Keep a guard over all processes with the mark until cancelled; they have to have ended by then."""
    process = await _start(mark, deadline)
    task_status.started()
    while True:
        try:
            with suppress(trio.BrokenResourceError):
                await _renew(process, deadline / _BEATS)
        finally:
            await _dismiss(process)
        log.warning("browsers.guard_died", status=process.returncode)
        await trio.sleep(_PAUSE)
        process = await _start(mark, deadline)


async def _start(mark: str, deadline: float) -> trio.Process:
    command = [sys.executable, "-I", "-S", guard.__file__, mark, str(deadline)]
    # A group of its own: Ctrl-C ends wasup, and wasup's end ends the guard.
    return await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={}, start_new_session=True
    )


async def _renew(process: trio.Process, beat: float) -> None:
    assert process.stdin is not None
    while process.poll() is None:
        await process.stdin.send_all(b".")
        with trio.move_on_after(beat):
            await process.wait()
        if glance([process.pid]).stopped:
            process.kill()
            await process.wait()


async def _dismiss(process: trio.Process) -> None:
    assert process.stdin is not None
    with trio.CancelScope(shield=True):
        with suppress(trio.BrokenResourceError):
            await process.stdin.send_all(guard.FAREWELL)
        await process.stdin.aclose()
        with trio.move_on_after(_PAUSE):
            await process.wait()
        if process.poll() is None:
            process.kill()
            await process.wait()
