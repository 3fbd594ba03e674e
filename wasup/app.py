"""The composition root: settings in, a running instance out. The only module that knows all parts."""

import gc
import resource
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
import trio

from wasup.actors.directory import AccountDirectory
from wasup.actors.runtime import Runtime
from wasup.actors.tree import root_spec
from wasup.bridge import Bridge
from wasup.db import Database
from wasup.health import check_health
from wasup.http import HttpSettings, ServerLimits, Services, create_app, serve_http
from wasup.ports.clock import SystemClock
from wasup.ports.session import Provider
from wasup.ports.store import DatabaseUnavailable, NotOwner
from wasup.providers.emulated import EmulatedProvider
from wasup.settings import Settings
from wasup.supervisor import ChildContext, ChildRef, EndTree, StartFunction, Supervisor, open_supervisor
from wasup.webhooks import WebhookPoster

__all__ = ["Running", "run_instance"]

_BEAT = 2.0

log = structlog.get_logger("wasup.app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running instance: where its API is, its tree, and what its actors share."""

    url: str
    root: Supervisor
    runtime: Runtime


async def run_instance(
    settings: Settings, *, on_ready: Callable[[Running], Awaitable[None]] | None = None, signals: bool = True
) -> None:
    """Run until SIGTERM or SIGINT (with `signals`), cancellation, or the end of `on_ready` if that never returns.

    Args:
        settings: all settings.
        on_ready: called when the API answers.
        signals: stop gracefully on SIGTERM and SIGINT.

    Raises:
        StartFailed: something did not come up; its cause says what.
        SupervisorGaveUp: the tree ended by itself.
    """
    _allow_many_sockets()
    _collect_garbage_rarely()
    clock = SystemClock()
    sqlite = settings.database_url.startswith("sqlite")
    runtime = Runtime(
        settings=settings,
        clock=clock,
        providers=_providers(settings),
        make_poster=lambda: WebhookPoster(
            clock=clock,
            allow_private=settings.webhooks.allow_private,
            timeout=settings.webhooks.timeout,
            connections=settings.webhooks.connections,
        ),
        writers=1 if sqlite else settings.sync.writers,
    )
    addresses: list[str] = []
    spec = root_spec(runtime, ground=_ground(runtime), web=_web(runtime, addresses))
    async with open_supervisor(spec) as root, trio.open_nursery() as nursery:
        log.info("instance.ready", url=addresses[-1], incarnation=runtime.incarnation)
        if on_ready is not None:
            nursery.start_soon(on_ready, Running(url=addresses[-1], root=root, runtime=runtime))
        if signals:
            with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
                async for number in received:
                    log.info("instance.stopping", signal=signal.Signals(number).name)
                    break
        else:
            await trio.sleep_forever()
        nursery.cancel_scope.cancel()
    log.info("instance.stopped")


def _allow_many_sockets() -> None:
    """Thousands of sessions are thousands of open files: use all that the system allows this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _collect_garbage_rarely() -> None:
    """Walk the long-lived objects of thousands of sessions less often than Python does by default.

    At 2,000 messages a second that took a quarter of the time, in pauses of up to a second (`gc.callbacks`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


def _providers(settings: Settings) -> dict[str, Provider]:
    providers: list[Provider] = []
    if settings.emulator_url is not None:
        providers.append(EmulatedProvider(settings.emulator_url))
    return {provider.type: provider for provider in providers}


def _ground(runtime: Runtime) -> StartFunction:
    """The child that everything stands on: the bridge, the database, and the right to write to it."""

    async def ground(context: ChildContext) -> None:
        settings = runtime.settings
        async with (
            Bridge() as bridge,
            Database.open(settings.database_url, bridge, clock=runtime.clock) as database,
        ):
            incarnation = await database.ownership.acquire()
            runtime.open_ground(database, incarnation)
            context.started()
            try:
                await _hold(runtime)
            finally:
                runtime.close_ground()
                with trio.CancelScope(shield=True), trio.move_on_after(5), suppress(DatabaseUnavailable):
                    await database.ownership.release()

    return ground


async def _hold(runtime: Runtime) -> None:
    """Prove to be the owner every few seconds.

    Raises:
        EndTree: somebody else has taken over; two instances must never run the same accounts.
    """
    pulse = runtime.pulse
    while True:
        await trio.sleep(_BEAT)
        try:
            await runtime.stores.ownership.hold()
            pulse.database_away_since = None
        except NotOwner as error:
            log.critical("instance.fenced", why=str(error))
            raise EndTree(f"another instance owns the database now: {error}") from error
        except DatabaseUnavailable as error:
            pulse.database_away_since = pulse.database_away_since or trio.current_time()
            log.warning("instance.database_away", why=str(error))


def _kill(root: Supervisor, path: str) -> bool:
    """End the actor or supervisor at this path as a crash would; False if there is none (or it is the root)."""
    found: object = root
    for part in path.split("/")[1:]:
        found = found.child(part) if isinstance(found, Supervisor) else None
    if found is root:
        return False
    ref = found.ref if isinstance(found, Supervisor) else found
    if not isinstance(ref, ChildRef) or ref.path != path:
        return False
    ref.kill()
    return True


def _web(runtime: Runtime, addresses: list[str]) -> StartFunction:
    """The child that serves HTTP. A restart takes the same port again."""

    async def web(context: ChildContext) -> None:
        settings = runtime.settings
        root = context.parent
        assert isinstance(root, Supervisor)
        database = runtime.stores
        assert isinstance(database, Database)
        services = Services(
            accounts=database.accounts,
            messages=database.messages,
            outbox=database.outbox,
            keys=database.keys,
            stats=database.stats,
            directory=AccountDirectory(runtime, context.registry),
            tree=root.snapshot_in_slices,
            restart=lambda path: _kill(root, path),
            health=lambda: check_health(runtime, context.registry),
            provider_types=tuple(runtime.providers),
            clock=runtime.clock,
            settings=HttpSettings(command_timeout=settings.http.command_timeout),
        )
        port = int(addresses[-1].rpartition(":")[2]) if addresses else settings.http.port

        stop = trio.Event()
        context.on_stop_request(stop.set)  # requests in hand are answered first

        def started(bound: int) -> None:
            addresses.append(f"http://{settings.http.host}:{bound}")
            context.started()

        await serve_http(
            create_app(services),
            host=settings.http.host,
            port=port,
            started=started,
            stop=stop,
            limits=ServerLimits(connections=settings.http.max_connections),
        )

    return web
