"""What the library raises to its callers.  Every error derives from `SupervisorError`."""

# ruff: noqa: N818  the names are OTP's answers: already_started, not_found, noproc

from wasup.supervisor._exits import ExitReason, Shutdown, safe_text


class SupervisorError(Exception):
    """Base of all errors of this package."""


class BadSpec(SupervisorError):
    """A flag or a specification is wrong; nothing was started.

    Attributes:
        child: the path of the child or supervisor it is about, from the supervisor on that was checked.
        field: the name of the field.
        value: what was given.
        allowed: what is allowed, in words.
    """

    def __init__(self, *, child: object, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{child}: {field} = {safe_text(value)} is not allowed; allowed: {allowed}")
        self.child = child
        self.field = field
        self.value = value
        self.allowed = allowed


class BadCombination(BadSpec):
    """Two fields, each right in itself, that exclude each other."""


class DuplicateId(BadSpec):
    """Two children of one supervisor have the same id."""


class ChildError(SupervisorError):
    """Base of the refusals that concern one child.

    Attributes:
        child: its id, or its path.
    """

    def __init__(self, child: object, text: str) -> None:
        super().__init__(f"{child}: {text}")
        self.child = child


class AlreadyStarted(ChildError):
    """The id belongs to a running child.

    Attributes:
        value: the start value of that child (an `ActorRef`, a `Supervisor` ...).
    """

    def __init__(self, child: object, value: object) -> None:
        super().__init__(child, "is running already")
        self.value = value


class AlreadyPresent(ChildError):
    """The id belongs to a child that is not running: restart_child starts it, delete_child forgets it."""

    def __init__(self, child: object) -> None:
        super().__init__(child, "is present already, without a process")


class ChildNotFound(ChildError):
    """This supervisor has no such child."""

    def __init__(self, child: object) -> None:
        super().__init__(child, "no such child")


class ChildRunning(ChildError):
    """The request is for a child without a process, but it has one."""

    def __init__(self, child: object) -> None:
        super().__init__(child, "is running")


class ChildRestarting(ChildError):
    """The child is between two attempts to restart it; terminate_child ends them."""

    def __init__(self, child: object, text: str = "is being restarted") -> None:
        super().__init__(child, text)


class InBackoff(ChildRestarting):
    """The child waits for its next restart.

    Attributes:
        until: when it is started again, on Trio's clock (seconds).
        reason: why it ended.
    """

    def __init__(self, child: object, *, until: float, reason: ExitReason) -> None:
        super().__init__(child, f"in backoff until {until:.3f} after {reason}")
        self.until = until
        self.reason = reason


class StartFailed(ChildError):
    """A child did not come up.

    Attributes:
        reason: why it ended before it was up: the crash of its start function, NORMAL when it returned without
            calling ``started``, a crash with `StartTimedOut`, SHUTDOWN when the start was called off.
    """

    def __init__(self, child: object, reason: ExitReason) -> None:
        super().__init__(child, f"start failed: {reason}")
        self.reason = reason


class StartTimedOut(SupervisorError):
    """A child was not up within its ``start_timeout``; the exception of its exit reason."""


class TooManyChildren(SupervisorError):
    """The supervisor has ``max_children`` children already."""


class NoIdsHere(SupervisorError):
    """Instances of a template have no ids: only their refs name them (OTP: ``simple_one_for_one``)."""


class ChildStopTimedOut(ChildError):
    """The child was cancelled and goes on all the same; it stays visible, and is not replaced until it ends."""

    def __init__(self, child: object) -> None:
        super().__init__(child, "was cancelled and has not ended")


class SupervisorEnded(SupervisorError):
    """The supervisor has ended, or is about to; the request was not carried out."""


class SupervisorGaveUp(SupervisorError, Shutdown):
    """A supervisor ended by itself: too many restarts, or automatic shutdown, or a child asked for it.

    To its own supervisor this is an exit with reason shutdown; of the root it is raised to the program.

    Attributes:
        path: the supervisor that ended.
        why: "too many restarts", "automatic shutdown" or "end of tree asked for".
        child: path of the child whose exit led to it.
        reason: the reason of that exit; its exception is this error's ``__cause__``.
    """

    def __init__(self, *, path: str, why: str, child: str, reason: ExitReason) -> None:
        super().__init__(f"{path}: {why} (last: {child}, {reason})")
        self.info = None
        self.path = path
        self.why = why
        self.child = child
        self.reason = reason
        self.__cause__ = reason.exception


class ActorEnded(ChildError):
    """The actor has ended, or ended before it answered.

    Attributes:
        reason: why it ended.
    """

    def __init__(self, child: object, reason: ExitReason) -> None:
        super().__init__(child, f"has ended: {reason}")
        self.reason = reason


class LinkedActorEnded(ChildError):
    """An actor crashed because an actor that it was linked to did.

    Attributes:
        reason: why the other one ended.
    """

    def __init__(self, child: object, reason: ExitReason) -> None:
        super().__init__(child, f"linked actor ended: {reason}")
        self.reason = reason


class AskTimeout(ChildError):
    """The actor did not answer in time; it may still do what it was asked."""

    def __init__(self, child: object, timeout: float) -> None:
        super().__init__(child, f"no answer within {timeout} s")
        self.timeout = timeout


class MailboxFull(ChildError):
    """The mailbox had no room, or the message was dropped to make room for a later one."""

    def __init__(self, child: object, capacity: float) -> None:
        super().__init__(child, f"mailbox full ({capacity:g} messages)")
        self.capacity = capacity


class AlreadyReplied(SupervisorError):
    """A `Reply` was used twice."""


class NameTaken(SupervisorError):
    """The registry's name belongs to a live ref."""


class NameUnknown(SupervisorError):
    """The registry has no live ref under this name."""
