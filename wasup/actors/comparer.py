"""The comparer: has accounts compared with their providers, a few at a time, so that no gap stays unnoticed."""

import random
from contextlib import suppress
from typing import Never

import trio

from wasup.actors.names import actor_called
from wasup.actors.runtime import Runtime
from wasup.actors.session_messages import CompareChats
from wasup.supervisor import Actor, MailboxFull

__all__ = ["Comparer"]

_ROUND = 60.0


class Comparer(Actor[Never]):
    """Asks so many accounts in each round that everyone has its turn once in `compare_interval`, on average."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self._sync = runtime.settings.sync

    async def on_start(self) -> None:
        """Begin, unless that is not wanted."""
        if self._sync.compare_chats:
            self.nursery.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            await trio.sleep(_ROUND)
            accounts = [name for name in self.registry if name.startswith("account-")]
            share = len(accounts) * _ROUND / self._sync.compare_interval
            turns = int(share) + (random.random() < share % 1)  # noqa: S311 - a fraction of an account
            for name in random.sample(accounts, min(len(accounts), turns)):
                account = actor_called(self.registry, name)
                if account is not None:
                    with suppress(MailboxFull):  # it is busy enough
                        account.tell_nowait(CompareChats())
