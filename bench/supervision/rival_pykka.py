"""pykka: actors on threads.  It has no supervisors: here an actor's `on_failure` has it started again."""

import queue
import time
from typing import Any

import pykka

from bench.supervision.common import BURST, PAUSE, STRIDE, Growth, clock


class Echoer(pykka.ThreadingActor):  # type: ignore[misc]
    """Answers with the number it was sent."""

    def __init__(self, number: int, up: "queue.SimpleQueue[int]", failed: "queue.SimpleQueue[int]") -> None:
        super().__init__()
        self.number = number
        self.up = up
        self.failed = failed

    def on_start(self) -> None:
        """Acknowledge."""
        self.up.put(self.number)

    def on_failure(self, *_what: object) -> None:
        """Ask to be started again."""
        self.failed.put(self.number)

    def on_receive(self, message: object) -> object:
        """Answer, or crash."""
        if message == "crash":
            raise RuntimeError("asked to")
        return message


class _Stage:
    """Queues by which actors report."""

    def __init__(self) -> None:
        self.up: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.failed: queue.SimpleQueue[int] = queue.SimpleQueue()

    def start(self, number: int) -> Any:
        """Start an actor and wait until it is up."""
        ref = Echoer.start(number, self.up, self.failed)
        self.up.get()
        return ref


def spawn(count: int) -> float:
    """Start actors one by one."""
    stage = _Stage()
    begun = time.process_time()
    for number in range(count):
        stage.start(number)
    seconds = time.process_time() - begun
    pykka.ActorRegistry.stop_all()
    return seconds


def ask(count: int) -> float:
    """Ask with a timeout."""
    ref = _Stage().start(0)
    begun = time.process_time()
    for number in range(count):
        ref.ask(number, timeout=5)
    seconds = time.process_time() - begun
    ref.stop()
    return seconds


def post(count: int) -> float:
    """tell; its mailboxes have no bound."""
    ref = _Stage().start(0)
    begun = time.process_time()
    for _ in range(count // BURST):
        for number in range(BURST):
            ref.tell(number)
    ref.ask(0)
    seconds = time.process_time() - begun
    ref.stop()
    return seconds


def idle(count: int) -> tuple[float, float]:
    """Actors, each a thread."""
    growth = Growth()
    stage = _Stage()
    for number in range(count):
        stage.start(number)
    grown = growth.since(count)
    pykka.ActorRegistry.stop_all()
    return grown


def restart(children: int, count: int) -> list[float]:
    """Start again what has reported its failure."""
    stage = _Stage()
    refs = [stage.start(number) for number in range(children)]
    seconds = []
    for number in range(count):
        place = number * STRIDE % children
        begun = clock()
        refs[place].tell("crash")
        refs[place] = stage.start(stage.failed.get())
        seconds.append(clock() - begun)
        time.sleep(PAUSE)
    pykka.ActorRegistry.stop_all()
    return seconds
