"""Replays a scenario of the OTP corpus on wasup.supervisor.  It translates; it supervises nothing."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from wasup.supervisor import (
    BRUTAL_KILL,
    INFINITY,
    AlreadyPresent,
    AlreadyStarted,
    AutoShutdown,
    BadCombination,
    BadSpec,
    ChildContext,
    ChildEnded,
    ChildIgnored,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    ChildSpec,
    ChildStarted,
    ChildStartFailed,
    DuplicateId,
    Event,
    EventStream,
    ExitKind,
    ExitReason,
    NoIdsHere,
    Restart,
    Shutdown,
    StartFailed,
    Strategy,
    Supervisor,
    SupervisorEnded,
    SupervisorError,
    SupervisorGaveUp,
    SupervisorSpec,
    TreeNode,
    open_supervisor,
    supervisor_child,
)

Json = dict[str, Any]
HOLD = "hold"


class CrashError(Exception):
    """A worker's abnormal end."""


class CleanupError(Exception):
    """A worker's failed cleanup."""


class Gate:
    """A start that blocks until it is opened."""

    def __init__(self, outcome: str) -> None:
        self.outcome = outcome
        self.reached = trio.Event()
        self.open = trio.Event()


class Worker:
    """A running worker: its context, and the order it waits for."""

    def __init__(self, context: ChildContext) -> None:
        self.context = context
        self.order = ""
        self.ordered = trio.Event()

    def give(self, order: str) -> None:
        """Have the worker end by itself."""
        if order == "kill":
            self.context.kill()
        else:
            self.order = order
            self.ordered.set()


class Adapter:
    """Runs one scenario; see README.md of the corpus for the trace it returns."""

    def __init__(self) -> None:
        self.outcomes: dict[str, deque[str]] = defaultdict(deque)
        self.gates: dict[str, Gate] = {}
        self.workers: dict[str, Worker] = {}
        self.names: dict[str, str] = {}
        self.simple: set[str] = set()
        self.refs: dict[str, Any] = {}
        self.seen: list[list[str]] = []
        self.root: Supervisor | None = None
        self.start_result = ""

    def run(self, scenario: Json) -> list[Json]:
        """Return the trace of ``scenario``."""
        return trio.run(self._run, scenario, clock=MockClock(autojump_threshold=0))

    async def _run(self, scenario: Json) -> list[Json]:
        for worker, outcomes in scenario["init"].items():
            self.outcomes[worker].extend(outcomes)
        events = EventStream()
        events.subscribe(self._note)
        stop = trio.Event()
        decided = trio.Event()
        trace: list[Json] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hold_tree, scenario["tree"], events, stop, decided)
            await decided.wait()
            await self._settle()
            trace.append(self._entry(self.start_result))
            for step in scenario["steps"]:
                if self.root is None:
                    break
                if step["op"] == "stop":
                    stop.set()
                    result: Any = "ok"
                else:
                    result = await self._step(step)
                await self._settle()
                trace.append(self._entry(result))
            stop.set()
        return trace

    async def _hold_tree(self, tree: Json, events: EventStream, stop: trio.Event, decided: trio.Event) -> None:
        try:
            spec = self._supervisor_spec(tree)
            async with open_supervisor(spec, name=tree["id"], events=events) as root:
                self.root = root
                self.start_result = "ok"
                decided.set()
                await stop.wait()
        except SupervisorGaveUp:
            pass
        except BadSpec as error:
            self.seen.append(["f", tree["id"]])  # OTP's root exists before its flags are checked
            self.start_result = _name_of(error)
        except SupervisorError as error:
            self.start_result = _name_of(error)
        finally:
            self.root = None
            decided.set()

    # ---- specifications ----------------------------------------------------------------------

    def _supervisor_spec(self, tree: Json) -> SupervisorSpec:
        simple = tree["strategy"] == "simple_one_for_one"
        if simple:
            self.simple.add(tree["id"])
        return SupervisorSpec(
            strategy=_member(Strategy, tree["strategy"]),
            intensity=tree["intensity"],
            period=tree["period"],
            auto_shutdown=_member(AutoShutdown, tree["auto_shutdown"]),
            children=tuple(self._child_spec(child) for child in tree.get("children", ())),
            template=self._child_spec(tree["template"]) if simple else None,
            whole_seconds=True,
            stop_in_turn=True,
        )

    def _child_spec(self, child: Json) -> ChildSpec:
        shutdown = child["shutdown"]
        common: Json = {
            "restart": _member(Restart, child["restart"]),
            "significant": child["significant"],
            "shutdown": {"infinity": INFINITY, "brutal_kill": BRUTAL_KILL}.get(shutdown, shutdown)
            if isinstance(shutdown, str)
            else shutdown / 1000,
        }
        if child["kind"] == "sup":
            return supervisor_child(child["id"], self._supervisor_spec(child), **common)
        return ChildSpec(id=child["id"], start=self._worker(child["id"], child["on_stop"]), **common)

    # ---- workers -----------------------------------------------------------------------------

    def _worker(self, spec_id: str, on_stop: str) -> Callable[..., Awaitable[object]]:
        async def worker(context: ChildContext, name: str = spec_id) -> None:
            self.names[context.path] = name
            gate = self.gates.pop(name, None)
            if gate is None:
                outcome = self.outcomes[name].popleft() if self.outcomes[name] else "ok"
            else:
                gate.reached.set()
                await gate.open.wait()
                outcome = gate.outcome
            if outcome in {"fail", "raise"}:
                raise CrashError(outcome)
            if outcome == "ignore":
                context.ignore()
                return
            await self._live(context, name, on_stop)

        return worker

    async def _live(self, context: ChildContext, name: str, on_stop: str) -> None:
        worker = self.workers[name] = Worker(context)
        self.refs[name] = context.ref
        if on_stop == "hang":
            context.on_stop_request(lambda: None)
        elif on_stop != "ok":
            context.on_stop_request(lambda: worker.give(on_stop))
        context.started()
        await worker.ordered.wait()
        match worker.order:
            case "normal":
                return
            case "slow":
                await trio.sleep(0.003)
                raise Shutdown
            case "err":
                raise CleanupError
            case order:
                raise _exit_for(order)

    # ---- steps -------------------------------------------------------------------------------

    async def _step(self, step: Json) -> Any:
        match step["op"]:
            case "exit":
                return self._exit(step["id"], step["reason"])
            case "exit_many":
                return await self._exit_many(step["sup"], step["exits"])
            case "gated_exit":
                return await self._gated_exit(step)
            case "set_start":
                self.outcomes[step["id"]] = deque(step["outcomes"])
                return None
            case "sleep":
                await trio.sleep(step["ms"] / 1000)
                return None
            case "stop_sup":
                supervisor = self._supervisor(step["id"])
                if supervisor is None:
                    return "noproc"
                await supervisor.stop(None if step["reason"] == "normal" else _exit_for(step["reason"]))
                return "ok"
            case _:
                return await self._request(step)

    async def _request(self, step: Json) -> Any:
        supervisor = self._supervisor(step["sup"])
        if supervisor is None:
            return "noproc"
        try:
            return await self._ask(supervisor, step)
        except SupervisorError as error:
            return _name_of(error)

    async def _ask(self, supervisor: Supervisor, step: Json) -> Any:
        match step["op"]:
            case "start_child":
                value = await supervisor.start_child(self._child_spec(step["spec"]))
                return "ignored" if value is None else "ok"
            case "start_instance":
                value = await supervisor.start_child(step["name"])
                return "ignored" if value is None else "ok"
            case "terminate_child":
                await supervisor.terminate_child(step["id"])
                return "ok"
            case "terminate_instance":
                # a name that was never started stands for a live stranger
                await supervisor.terminate_child(self.refs.get(step["name"], supervisor.ref))
                return "ok"
            case "restart_child":
                value = await supervisor.restart_child(step["id"])
                return "ignored" if value is None else "ok"
            case "delete_child":
                await supervisor.delete_child(step["id"])
                return "ok"
            case "which_children":
                children = [
                    self._shown(f"{supervisor.path}/{child.id}", child.state)
                    for child in await supervisor.which_children()
                ]
                return sorted(children) if step["sup"] in self.simple else children
            case "count_children":
                counts = await supervisor.count_children()
                return [counts.specs, counts.active, counts.supervisors, counts.workers]
            case other:
                raise NotImplementedError(other)

    def _exit(self, name: str, reason: str) -> str:
        worker = self.workers.get(name)
        if worker is None or worker.context.reason is not None:
            return "noproc"
        worker.give(reason)
        return "ok"

    async def _exit_many(self, sup: str, exits: list[list[str]]) -> list[str] | str:
        supervisor = self._supervisor(sup)
        if supervisor is None:
            return "noproc"
        results = []
        gate = self.gates[HOLD] = Gate("fail")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hold, supervisor, sup)
            await gate.reached.wait()
            for name, reason in exits:
                results.append(self._exit(name, reason))
                await wait_all_tasks_blocked()
            gate.open.set()
        self.gates.pop(HOLD, None)
        return results

    async def _hold(self, supervisor: Supervisor, sup: str) -> None:
        """Keep a supervisor busy with a start that blocks and then fails."""
        hold = ChildSpec(id=HOLD, start=self._worker(HOLD, "ok"), restart=Restart.TEMPORARY)
        with suppress(StartFailed):
            await supervisor.start_child(HOLD if sup in self.simple else hold)

    async def _gated_exit(self, step: Json) -> Any:
        gate = self.gates[step["id"]] = Gate(step["outcome"])
        result = self._exit(step["id"], step["reason"])
        if result != "ok":
            del self.gates[step["id"]]
            return result
        await wait_all_tasks_blocked()
        while not gate.reached.is_set() and self._busy():
            await trio.sleep(0.005)
            await wait_all_tasks_blocked()
        if not gate.reached.is_set():
            self.gates.pop(step["id"], None)
            return "nogate"
        results: list[Any] = [None] * len(step["reqs"])

        async def issue(place: int, request: Json) -> None:
            results[place] = await self._step(request)

        async with trio.open_nursery() as nursery:
            for place, request in enumerate(step["reqs"]):
                nursery.start_soon(issue, place, request)
                await wait_all_tasks_blocked()
            gate.open.set()
        return results

    # ---- looking -----------------------------------------------------------------------------

    def _note(self, event: Event) -> None:
        name = self.names.get(event.path, event.path.rpartition("/")[2])
        if name == HOLD:
            return
        match event:
            case ChildStarted():
                self.seen.append(["s", name])
            case ChildStartFailed():
                self.seen.append(["f", name])
            case ChildIgnored():
                self.seen.append(["i", name])
            case ChildEnded():
                self.seen.append(["x", name, _reason_name(event.reason)])
            case _:
                pass

    async def _settle(self) -> None:
        """Wait until the tree is at rest."""
        await wait_all_tasks_blocked()
        while self._busy():
            await trio.sleep(0.005)
            await wait_all_tasks_blocked()

    def _busy(self) -> bool:
        return self.root is not None and any(
            node.state in {"starting", "stopping", "restarting"} for node in _walk(self.root.snapshot())
        )

    def _entry(self, result: Any) -> Json:
        seen, self.seen = self.seen, []
        state: dict[str, list[str]] = {}
        for node in _walk(self.root.snapshot()) if self.root is not None else ():
            if node.type == "supervisor" and node.state == "running":
                children = [self._shown(child.path, child.state) for child in node.children]
                state[node.id] = sorted(children) if node.id in self.simple else children
        return {"r": result, "ev": seen, "st": state}

    def _shown(self, path: str, state: str) -> str:
        name = self.names.get(path, path.rpartition("/")[2])
        return name + {"running": "+", "down": "-", "restarting": "?"}[state]

    def _supervisor(self, name: str) -> Supervisor | None:
        """Return the running supervisor of this id."""
        if self.root is None:
            return None
        for node in _walk(self.root.snapshot()):
            if node.id == name and node.type == "supervisor":
                found: Any = self.root
                for part in node.path.split("/")[1:]:
                    found = found.child(part) if found is not None else None
                return found if isinstance(found, Supervisor) else None
        return None


def _walk(node: TreeNode) -> list[TreeNode]:
    return [node, *(below for child in node.children for below in _walk(child))]


def _member(kind: Any, value: Any) -> Any:
    """Return the enum's member, or the wrong value itself for the library to refuse."""
    return next((member for member in kind if member.value == value), value)


def _exit_for(order: str) -> Exception:
    match order:
        case "shutdown":
            return Shutdown()
        case "shutdown_term":
            return Shutdown("info")
        case _:
            return CrashError(order)


def _reason_name(reason: ExitReason) -> str:
    match reason.kind:
        case ExitKind.NORMAL:
            return "normal"
        case ExitKind.KILLED:
            return "killed"
        case ExitKind.SHUTDOWN:
            return "shutdown" if reason.info is None else f"shutdown:{reason.info}"
        case ExitKind.CRASH:
            return "cleanup_error" if isinstance(reason.exception, CleanupError) else "crash"


def _name_of(error: SupervisorError) -> str:
    names: tuple[tuple[type[SupervisorError], str], ...] = (
        (AlreadyStarted, "already_started"),
        (AlreadyPresent, "already_present"),
        (ChildNotFound, "not_found"),
        (ChildRunning, "running"),
        (ChildRestarting, "restarting"),
        (NoIdsHere, "simple_one_for_one"),
        (StartFailed, "start_failed"),
        (SupervisorEnded, "noproc"),
        (DuplicateId, "duplicate_id"),
        (BadCombination, "bad_combination"),
    )
    for kind, name in names:
        if isinstance(error, kind):
            return name
    if isinstance(error, BadSpec):
        return {"restart": "invalid_restart_type"}.get(error.field, f"invalid_{error.field}")
    raise error
