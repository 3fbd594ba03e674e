"""How a child ends: exceptions it raises to say so, and the reason its supervisor sees."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import trio

TEXT_LIMIT = 1000
"""Characters kept of what an exception or an info says of itself."""


class TypedExit(Exception):  # noqa: N818  an exit is not an error
    """Base of the exceptions by which a child ends on purpose.

    Args:
        info: anything that tells why; it becomes `ExitReason.info`.
    """

    def __init__(self, info: object = None) -> None:
        super().__init__(info)
        self.info = info


class Shutdown(TypedExit):
    """End in good order: OTP's ``shutdown``, or ``{shutdown, info}``.

    A permanent child is restarted all the same, a transient one is not.
    """


class RestartQuietly(TypedExit):
    """Ask for a restart at once that costs no budget and waits for no backoff.

    Permanent and transient children are restarted (with the supervisor's strategy); a temporary child is not.
    Raised before the child is up it is an ordinary failed start.
    """


class RestartLater(TypedExit):
    """Ask for a restart after the child's backoff that costs no budget, for what is nobody's fault.

    Without a backoff in the specification it is restarted at once.  Otherwise as `RestartQuietly`.
    """


class NeverRestart(TypedExit):
    """Ask not to be restarted, whatever the restart type.

    The specification stays, without a process (a temporary child's is deleted); only ``restart_child`` starts
    it again, a group restart does not.  Raised during an automatic restart before the child is up, it ends the
    attempts.  At the start of a tree and in ``start_child`` it is an ordinary failed start.
    """


class EndTree(TypedExit):
    """Ask the supervisor to stop all its children and to end with reason shutdown."""


class ExitKind(enum.Enum):
    """The four ways to end."""

    NORMAL = "normal"
    """The child returned."""
    SHUTDOWN = "shutdown"
    """It was asked to stop and did, or raised a typed exit."""
    CRASH = "crash"
    """It raised."""
    KILLED = "killed"
    """It was cancelled without being asked, or after it had not stopped in time."""


class Directive(enum.Enum):
    """What a typed exit asks of the supervisor."""

    BY_POLICY = "by_policy"
    RESTART_QUIETLY = "restart_quietly"
    RESTART_LATER = "restart_later"
    NEVER_RESTART = "never_restart"
    END_TREE = "end_tree"


@dataclass(frozen=True, slots=True)
class ExitReason:
    """Why a child ended.

    Attributes:
        kind: which of the four ways.
        info: what a typed exit carried, else None.
        exception: what was raised, with its traceback; None after a return, a stop or a kill.
        directive: what a typed exit asks for.
    """

    kind: ExitKind
    info: object = None
    exception: BaseException | None = None
    directive: Directive = Directive.BY_POLICY

    @property
    def is_normal(self) -> bool:
        """Whether OTP calls this reason normal: normal, shutdown, {shutdown, info}."""
        return self.kind is ExitKind.NORMAL or self.kind is ExitKind.SHUTDOWN

    @property
    def forbids_restart(self) -> bool:
        """Whether a typed exit asks not to be restarted, or to end the tree."""
        return self.directive is Directive.NEVER_RESTART or self.directive is Directive.END_TREE

    @property
    def asks_for_restart(self) -> bool:
        """Whether a typed exit asks to be restarted, quietly or later."""
        return self.directive is Directive.RESTART_QUIETLY or self.directive is Directive.RESTART_LATER

    @classmethod
    def from_exception(cls, exception: BaseException) -> Self:
        """Return the reason for a child that raised ``exception``.

        An ExceptionGroup stands for what is in it: `Cancelled` apart, a lone exception is the reason itself.
        Among several, EndTree and NeverRestart outrank crashes (an error while cleaning up does not hide "logged
        out"), and crashes outrank Shutdown and RestartQuietly.  Several crashes stay together in their group.
        """
        leaves = leaves_of(exception)
        for kind in (EndTree, NeverRestart):
            for leaf in leaves:
                if isinstance(leaf, kind):
                    return cls._from_leaf(leaf)
        crashes = [leaf for leaf in leaves if not isinstance(leaf, TypedExit)]
        if len(crashes) > 1:
            return cls(ExitKind.CRASH, None, exception)
        if crashes:
            return cls._from_leaf(crashes[0])
        if leaves:
            quiet = [leaf for leaf in leaves if isinstance(leaf, RestartQuietly | RestartLater)]
            return cls._from_leaf((quiet or leaves)[0])
        return cls(ExitKind.CRASH, None, exception)

    @classmethod
    def _from_leaf(cls, leaf: BaseException) -> Self:
        if not isinstance(leaf, TypedExit):
            return cls(ExitKind.CRASH, None, leaf)
        return cls(ExitKind.SHUTDOWN, leaf.info, leaf, _DIRECTIVES.get(type(leaf), _directive_of(leaf)))

    def __str__(self) -> str:
        """Return one line for people: ``crash: ValueError('x')``, ``shutdown: logged out``; long ones are cut."""
        if self.kind is ExitKind.CRASH:
            return f"crash: {safe_text(self.exception)}"
        return self.kind.value if self.info is None else f"{self.kind.value}: {safe_text(self.info, str)}"


_DIRECTIVES: dict[type[TypedExit], Directive] = {
    Shutdown: Directive.BY_POLICY,
    RestartQuietly: Directive.RESTART_QUIETLY,
    RestartLater: Directive.RESTART_LATER,
    NeverRestart: Directive.NEVER_RESTART,
    EndTree: Directive.END_TREE,
}
NORMAL = ExitReason(ExitKind.NORMAL)
SHUTDOWN = ExitReason(ExitKind.SHUTDOWN)
KILLED = ExitReason(ExitKind.KILLED)


def safe_text(value: object, render: Callable[[object], str] = repr) -> str:
    """Return ``render(value)``, cut after `TEXT_LIMIT` characters; it is foreign code, and may fail."""
    try:
        text = render(value)
    except Exception as error:  # noqa: BLE001  an object that cannot be shown must not harm the tree
        return f"<a {type(value).__name__}, whose text failed with {type(error).__name__}>"
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}... ({len(text)} characters)"


def _directive_of(exit_: TypedExit) -> Directive:
    for kind, directive in _DIRECTIVES.items():
        if isinstance(exit_, kind):
            return directive
    return Directive.BY_POLICY


def leaves_of(exception: BaseException) -> list[BaseException]:
    """Return what is in a group, and in the groups in it, `Cancelled` apart; of another exception, itself."""
    if isinstance(exception, BaseExceptionGroup):
        return [leaf for inner in exception.exceptions for leaf in leaves_of(inner)]
    return [] if isinstance(exception, trio.Cancelled) else [exception]
