"""Supervision trees and actors for Trio, in the words of Erlang/OTP.

The guide is docs/supervisor.md.  Times are seconds on Trio's clock.
"""

# Trees: what to run, and how to run it
# Actors
from wasup.supervisor._actor import Actor as Actor, StopRequested as StopRequested
from wasup.supervisor._actor_child import actor_child as actor_child
from wasup.supervisor._actor_ref import ActorRef as ActorRef, Request as Request

# Children: what they are given, and how they end
from wasup.supervisor._context import ChildContext as ChildContext

# Errors
from wasup.supervisor._errors import (
    ActorEnded as ActorEnded,
    AlreadyPresent as AlreadyPresent,
    AlreadyReplied as AlreadyReplied,
    AlreadyStarted as AlreadyStarted,
    AskTimeout as AskTimeout,
    BadCombination as BadCombination,
    BadSpec as BadSpec,
    ChildError as ChildError,
    ChildNotFound as ChildNotFound,
    ChildRestarting as ChildRestarting,
    ChildRunning as ChildRunning,
    ChildStopTimedOut as ChildStopTimedOut,
    DuplicateId as DuplicateId,
    InBackoff as InBackoff,
    LinkedActorEnded as LinkedActorEnded,
    MailboxFull as MailboxFull,
    NameTaken as NameTaken,
    NameUnknown as NameUnknown,
    NoIdsHere as NoIdsHere,
    StartFailed as StartFailed,
    StartTimedOut as StartTimedOut,
    SupervisorEnded as SupervisorEnded,
    SupervisorError as SupervisorError,
    SupervisorGaveUp as SupervisorGaveUp,
    TooManyChildren as TooManyChildren,
)  # isort: skip

# What happens and what is
from wasup.supervisor._events import (
    BackoffStarted as BackoffStarted,
    ChildEnded as ChildEnded,
    ChildGaveUp as ChildGaveUp,
    ChildIgnored as ChildIgnored,
    ChildRestarted as ChildRestarted,
    ChildStarted as ChildStarted,
    ChildStartFailed as ChildStartFailed,
    DeadLetter as DeadLetter,
    Escalated as Escalated,
    Event as Event,
    EventChannel as EventChannel,
    EventStream as EventStream,
    GaveUp as GaveUp,
    MailboxFullEvent as MailboxFullEvent,
    StopTimedOut as StopTimedOut,
)
from wasup.supervisor._exits import (
    Directive as Directive,
    EndTree as EndTree,
    ExitKind as ExitKind,
    ExitReason as ExitReason,
    NeverRestart as NeverRestart,
    RestartLater as RestartLater,
    RestartQuietly as RestartQuietly,
    Shutdown as Shutdown,
    TypedExit as TypedExit,
)
from wasup.supervisor._mailbox import (
    Envelope as Envelope,
    MailboxSpec as MailboxSpec,
    Overflow as Overflow,
)
from wasup.supervisor._open import open_supervisor as open_supervisor
from wasup.supervisor._park import Reply as Reply
from wasup.supervisor._policy import (
    BRUTAL_KILL as BRUTAL_KILL,
    INFINITY as INFINITY,
    AutoShutdown as AutoShutdown,
    Backoff as Backoff,
    BrutalKill as BrutalKill,
    Budget as Budget,
    Restart as Restart,
    Strategy as Strategy,
)
from wasup.supervisor._refs import ChildRef as ChildRef
from wasup.supervisor._registry import Registry as Registry
from wasup.supervisor._requests import ChildCounts as ChildCounts, ChildInfo as ChildInfo
from wasup.supervisor._slot import ExitRecord as ExitRecord
from wasup.supervisor._snapshot import MailboxView as MailboxView, TreeNode as TreeNode
from wasup.supervisor._spec import (
    ChildSpec as ChildSpec,
    StartFunction as StartFunction,
    SupervisorSpec as SupervisorSpec,
)
from wasup.supervisor._supervisor import (
    Supervisor as Supervisor,
    supervisor_child as supervisor_child,
    supervisor_start as supervisor_start,
)
