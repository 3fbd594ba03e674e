"""The composition root: settings in, a running instance out. The only module that knows all parts."""

import gc
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog
import trio

from wasup.actors.directory import AccountDirectory
from wasup.actors.history import SupervisionHistory
from wasup.actors.media import download
from wasup.actors.runtime import Runtime
from wasup.actors.tree import root_spec
from wasup.actors.webhook_control import WebhookControl
from wasup.bridge import Bridge
from wasup.db import Database
from wasup.health import check_health
from wasup.hosts import Browsers
from wasup.http import HttpSettings, Overview, Places, ServerLimits, Services, create_app, make_door, serve_http
from wasup.media import FolderMedia, MediaFetcher
from wasup.ports.clock import SystemClock
from wasup.ports.media import MediaStore
from wasup.ports.session import Provider
from wasup.ports.store import DatabaseUnavailable, NotOwner
from wasup.providers.emulated import EmulatedProvider
from wasup.settings import Settings
from wasup.supervisor import ChildContext, EndTree, StartFunction, Supervisor, open_supervisor
from wasup.webhooks import PosterSettings, WebhookPoster

__all__ = ["Running", "run_instance"]

_BEAT = 2.0
_TURN = 0.0005  # seconds
_OWNER = "owner"

log = structlog.get_logger("wasup.app")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running instance: where its API is, its tree, and what its actors share."""

    url: str
    root: Supervisor
    runtime: Runtime


async def run_instance(
    settings: Settings,
    *,
    on_ready: Callable[[Running], Awaitable[None]] | None = None,
    signals: bool = True,
    providers: Sequence[Provider] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT (with `signals`), cancellation, or the end of `on_ready` if that never returns.

    Args:
        settings: all settings.
        on_ready: called when the API answers.
        signals: stop gracefully on SIGTERM and SIGINT.
        providers: instead of those that the settings ask for.

    Raises:
        StartFailed: something did not come up; its cause says what.
        SupervisorGaveUp: the tree ended by itself.
    """
    _allow_many_sockets()
    _tune_interpreter()
    clock = SystemClock()
    sqlite = settings.database_url.startswith("sqlite")
    media = FolderMedia(settings.data_dir / "media")
    history = SupervisionHistory()
    browsers = Browsers(settings)
    runtime = Runtime(
        settings=settings,
        clock=clock,
        providers={provider.type: provider for provider in providers or _providers(settings, browsers)},
        make_poster=lambda registry: WebhookPoster(
            bridge=bridges[-1],
            clock=clock,
            settings=PosterSettings(
                allow_private=settings.webhooks.allow_private,
                timeout=settings.webhooks.timeout,
                url=lambda: _outside(settings, addresses),
            ),
            ask_facts=lambda accounts, *, lids, groups: runtime.stores.outbox.legacy_facts(
                accounts, lids=lids, groups=groups
            ),
            fetch_media=partial(download, runtime, registry),
        ),
        writers=1 if sqlite else settings.sync.writers,
        media=media,
    )
    runtime.pulse.hosts[browsers.provider.type] = browsers.figures
    addresses: list[str] = []
    bridges: list[Bridge] = []
    overview = Overview(runtime.pulse.traffic, history, clock)
    spec = root_spec(
        runtime,
        ground=_ground(runtime, history, bridges),
        web=_web(runtime, bridges, addresses, media, history, overview),
        hosts={"browsers": browsers.run},
        watchers={"overview": _watch(runtime, overview), "events": _follow(runtime, history)},
    )
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


def _outside(settings: Settings, addresses: list[str]) -> str:
    """Where this instance is reached from outside, as far as it knows."""
    here = addresses[-1] if addresses else f"http://{settings.http.host}:{settings.http.port}"
    return (settings.webhooks.public_url or here).rstrip("/")


def _allow_many_sockets() -> None:
    """Thousands of sessions are thousands of open files: use all that the system allows this process."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _tune_interpreter() -> None:
    """Walk the objects of thousands of sessions seldom, and let the threads of Trio and asyncio take turns quickly.

    Messages leave no cycles behind and requests hardly any (see `http/routing.py`), but a collection walks whatever
    every session has made since the last one: 0.2 s with 3,000 sessions, however little there is. And a thread
    that comes back from a system call waits for the other's turn to end; with Python's 5 ms for each a request waited
    three times as long as it does with these, under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(300_000, 10, 100)
    sys.setswitchinterval(_TURN)


def _providers(settings: Settings, browsers: Browsers) -> list[Provider]:
    emulated = [EmulatedProvider(settings.emulator_url)] if settings.emulator_url is not None else []
    return [*emulated, browsers.provider]


def _ground(runtime: Runtime, history: SupervisionHistory, bridges: list[Bridge]) -> StartFunction:
    """The child that everything stands on: the bridge, the database, and the right to write to it."""

    async def ground(context: ChildContext) -> None:
        settings = runtime.settings
        if isinstance(context.parent, Supervisor):  # the first child of the tree: from here on all of it is kept
            history.listen(context.parent.events)
        async with (
            Bridge() as bridge,
            Database.open(settings.database_url, bridge, clock=runtime.clock, redis_url=settings.redis_url) as database,
        ):
            incarnation = await database.ownership.acquire()
            bridges[:] = [bridge]
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
            pulse.found_database(_OWNER)
        except NotOwner as error:
            log.critical("instance.fenced", why=str(error))
            raise EndTree(f"another instance owns the database now: {error}") from error
        except DatabaseUnavailable as error:
            pulse.lost_database(_OWNER)
            log.warning("instance.database_away", why=str(error))


def _watch(runtime: Runtime, overview: Overview) -> StartFunction:
    """The child that keeps figures; they outlive it."""

    async def watch(context: ChildContext) -> None:
        root = context.parent
        assert isinstance(root, Supervisor)
        database = runtime.stores
        assert isinstance(database, Database)
        context.started()
        await overview.run(root, database.stats, database.accounts)

    return watch


def _http_settings(settings: Settings) -> HttpSettings:
    http, legacy = settings.http, settings.legacy
    return HttpSettings(
        max_body=http.max_body,
        body_timeout=http.body_timeout,
        max_media=settings.media.max_bytes,
        command_timeout=http.command_timeout,
        metrics_public=http.metrics_public,
        default_region=http.default_region,
        rate_per_key=http.rate_per_key,
        rate_per_address=http.rate_per_address,
        wrong_keys_per_minute=http.wrong_keys_per_minute,
        trusted_proxies=http.trusted_proxies,
        legacy_enabled=legacy.enabled,
        legacy_key=None if legacy.api_key is None else legacy.api_key.get_secret_value(),
        legacy_provider=legacy.provider_type,
        legacy_url=legacy.backend_url,
        legacy_secret=None if legacy.hmac_secret is None else legacy.hmac_secret.get_secret_value(),
        event_days=settings.webhooks.event_days,
        streams=http.max_streams,
        streams_per_key=http.max_streams_per_key,
        emulator_url=settings.emulator_url,
    )


def _follow(runtime: Runtime, history: SupervisionHistory) -> StartFunction:
    """The child that tells what happens to those who follow; it is stopped before the server that carries it."""

    async def follow(context: ChildContext) -> None:
        database = runtime.stores
        assert isinstance(database, Database)
        context.started()
        await runtime.hub.run(database.event_log, history)

    return follow


def _web(
    runtime: Runtime,
    bridges: list[Bridge],
    addresses: list[str],
    media: MediaStore,
    history: SupervisionHistory,
    overview: Overview,
) -> StartFunction:
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
            deliveries=database.deliveries,
            rejected=database.rejected,
            event_log=database.event_log,
            webhooks=WebhookControl(runtime, context.registry),
            keys=database.keys,
            stats=database.stats,
            directory=AccountDirectory(runtime, context.registry),
            upkeep=database.upkeep,
            people=database.people,
            keyring=database.keyring,
            browser_sessions=database.browser_sessions,
            audit=database.audit,
            run_settings=database.run_settings,
            message_media=database.message_media,
            media=media,
            fetcher=MediaFetcher(allow_private=settings.media.allow_private, timeout=settings.media.fetch_timeout),
            tree=root,
            history=history,
            hub=runtime.hub,
            overview=overview,
            health=lambda: check_health(runtime, context.registry),
            provider_types=tuple(runtime.providers),
            clock=runtime.clock,
            pulse=runtime.pulse,
            recent_chats=database.recent_chats,
            settings=_http_settings(settings),
            places=Places(
                settings.http.in_hand,
                ping=database.ping,
                used=lambda: time.thread_time() + bridges[-1].processor_time(),  # Trio's thread and asyncio's
            ),
        )
        door = make_door(services)
        port = int(addresses[-1].rpartition(":")[2]) if addresses else settings.http.port

        stop = trio.Event()
        context.on_stop_request(stop.set)  # requests in hand are answered first

        def started(bound: int) -> None:
            addresses.append(f"http://{settings.http.host}:{bound}")
            context.started()

        await serve_http(
            create_app(services, door),
            host=settings.http.host,
            port=port,
            started=started,
            stop=stop,
            limits=ServerLimits(
                connections=settings.http.max_connections,
                idle=settings.http.idle_timeout,
                send_timeout=settings.http.send_timeout,
            ),
            places=services.places,
            overused=door.overused,
        )

    return web
