"""The Quart-Trio application: all routes, one error handler, and what every answer carries."""

import re
import time
import uuid
from typing import Final

from quart import Response, g, request, websocket
from quart.typing import ResponseTypes
from quart.wrappers.base import BaseRequestWebsocket
from quart_trio import QuartTrio

from wasup.http.auth import Doorkeeper
from wasup.http.compression import compress
from wasup.http.dashboard.logins import Logins
from wasup.http.dashboard.pages import add_pages
from wasup.http.docs import add_docs
from wasup.http.errors import answer_error
from wasup.http.headers import secure
from wasup.http.keys import KeyCache
from wasup.http.legacy import LegacyDoor, mount_legacy
from wasup.http.limits import RateLimit, client_address, client_scheme
from wasup.http.metrics import HttpMetrics
from wasup.http.mounting import IdConverter, mount
from wasup.http.refusal import HEALTH
from wasup.http.routes import ALL
from wasup.http.routing import RoutingApp
from wasup.http.running import RunSettings
from wasup.http.services import Services
from wasup.http.streaming.desk import Desk
from wasup.http.streaming.socket import mount_socket

__all__ = ["create_app", "make_door"]

_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_BASE64: Final = 4 / 3


def create_app(services: Services, door: Doorkeeper | None = None) -> QuartTrio:
    """The whole API as an ASGI application.

    Args:
        services: what it works with.
        door: lets callers in; one of its own if left out.
    """
    settings = services.settings
    app = RoutingApp("wasup.http", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_media * _BASE64) + settings.max_body
    app.config["BODY_TIMEOUT"] = settings.body_timeout
    app.url_map.converters["id"] = IdConverter
    app.url_map.merge_slashes = False  # '//api' is an unknown route, not a redirect
    app.register_error_handler(Exception, answer_error)
    door = door or make_door(services)
    running = RunSettings(services.run_settings, settings, door)
    metrics = HttpMetrics(services)
    operations = [operation for routes in ALL for operation in routes.operations]
    desk = Desk(services)
    for operation in operations:
        mount(app, operation, services, door, running, desk)
    mount_socket(app, door, desk)
    metrics.mount(app, door)
    mount_legacy(app, services, LegacyDoor(services, door, running))
    add_docs(app, ALL)
    add_pages(app)

    def greet(asked: BaseRequestWebsocket) -> None:
        given = asked.headers.get("X-Request-Id", "")
        # A request id of the client's ends up in our log: only harmless ones are taken over.
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.began = time.perf_counter()
        g.address = client_address(asked.remote_addr, asked.headers, settings.trusted_proxies)
        scheme = client_scheme(asked.scheme, asked.remote_addr, asked.headers, settings.trusted_proxies)
        g.base_url = f"{scheme}://{asked.host}/"

    @app.before_websocket
    async def begin_websocket() -> None:
        greet(websocket)
        door.admit(g.address)

    @app.after_websocket
    async def refuse_websocket(response: ResponseTypes | None) -> ResponseTypes | None:
        if response is not None:
            response.headers["X-Request-Id"] = g.request_id
            secure(response.headers)
        return response

    @app.before_request
    async def begin() -> None:
        greet(request)
        if request.path not in HEALTH:
            door.admit(g.address)
            await running.refresh()

    @app.after_request
    async def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        secure(response.headers)
        await compress(response, request.headers.get("Accept-Encoding", ""))
        rule = request.url_rule.rule if request.url_rule is not None else "unknown"
        metrics.count(request.method, rule, response.status_code, time.perf_counter() - g.began)
        return response

    return app


def make_door(services: Services) -> Doorkeeper:
    """Lets callers in, as often as the settings say."""
    settings = services.settings
    guesses = settings.wrong_keys_per_minute
    return Doorkeeper(
        keys=KeyCache(services.keys, seconds=settings.key_cache),
        logins=Logins(services.browser_sessions, seconds=settings.key_cache),
        now_ms=services.clock.now_ms,
        per_address=RateLimit(settings.rate_per_address, 2 * settings.rate_per_address),
        per_key=RateLimit(settings.rate_per_key, 2 * settings.rate_per_key),
        guesses=RateLimit(guesses / 60, guesses),
    )
