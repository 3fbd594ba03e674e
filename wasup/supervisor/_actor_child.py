"""Actors as children of a supervisor."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from wasup.supervisor._actor import Actor
from wasup.supervisor._context import ChildContext
from wasup.supervisor._errors import BadSpec
from wasup.supervisor._mailbox import Mailbox, MailboxSpec, check_mailbox_spec
from wasup.supervisor._policy import Backoff, BrutalKill, Budget, Restart
from wasup.supervisor._spec import ChildSpec, returns_awaitable

M = TypeVar("M")
_DEFAULT_MAILBOX = MailboxSpec()


def actor_child(
    id: str,  # noqa: A002  OTP's word, as in ChildSpec
    factory: Callable[..., Actor[M]],
    *,
    mailbox: MailboxSpec = _DEFAULT_MAILBOX,
    restart: Restart = Restart.PERMANENT,
    shutdown: float | BrutalKill = 5.0,
    significant: bool = False,
    start_timeout: float | None = None,
    backoff: Backoff | None = None,
    budget: Budget | None = None,
) -> ChildSpec:
    """Return the specification of an actor as a child.  Its start value is an ``ActorRef[M]``.

    Args:
        id: as in `ChildSpec`.
        factory: makes a new actor object for each incarnation; given the start arguments under SIMPLE_ONE_FOR_ONE.
            It must not block; what needs waiting belongs into ``on_start``.
        mailbox: by default capacity 1000, senders wait for room, mail does not survive a restart.
        restart: as in `ChildSpec`.
        shutdown: as in `ChildSpec`.
        significant: as in `ChildSpec`.
        start_timeout: as in `ChildSpec`.
        backoff: as in `ChildSpec`.
        budget: as in `ChildSpec`.

    Raises:
        BadSpec: ``mailbox`` is wrong, or ``factory`` is no function that could return an `Actor`.
    """
    check_mailbox_spec(mailbox, id)
    _check_factory(factory, id)

    @returns_awaitable
    def start(context: ChildContext, *args: object) -> Awaitable[object]:
        # not a coroutine of its own: an idle actor is as small as it can be
        return factory(*args).live(context, _mailbox_for(context, mailbox))

    return ChildSpec(
        id=id,
        start=start,
        restart=restart,
        shutdown=shutdown,
        significant=significant,
        start_timeout=start_timeout,
        backoff=backoff,
        budget=budget,
    )


def _check_factory(factory: object, child_id: str) -> None:
    """Raise `BadSpec` when it is known already that this makes no actors."""
    makes_others = isinstance(factory, type) and not issubclass(factory, Actor)
    if not callable(factory) or makes_others or inspect.iscoroutinefunction(factory):
        raise BadSpec(
            child=child_id,
            field="factory",
            value=factory,
            allowed="a subclass of Actor, or a function (not async) that returns a new Actor",
        )


def _mailbox_for(context: ChildContext, spec: MailboxSpec) -> Mailbox[Any]:
    """Return the mailbox that survived the last incarnation, or a new one."""
    slot = context.slot
    if not spec.survives_restart:
        return Mailbox(spec, context.path, context.events)
    if slot.surviving is None:
        slot.surviving = Mailbox(spec, context.path, context.events)
    return cast("Mailbox[Any]", slot.surviving)
