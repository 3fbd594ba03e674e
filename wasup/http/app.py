"""The Quart-Trio application: all routes, one error handler, and what every answer carries."""

import re
import time
import uuid
from typing import Final

from quart import Response, g, request
from quart_trio import QuartTrio

from wasup.http.auth import Doorkeeper
from wasup.http.compression import compress
from wasup.http.docs import add_docs
from wasup.http.errors import answer_error
from wasup.http.keys import KeyCache
from wasup.http.legacy import LegacyDoor, mount_legacy
from wasup.http.limits import RateLimit, client_address
from wasup.http.metrics import HttpMetrics
from wasup.http.mounting import IdConverter, mount
from wasup.http.routes import ALL
from wasup.http.running import RunSettings
from wasup.http.services import Services

__all__ = ["create_app"]

_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer that does not set them itself. CORS stays off: no other site's page may read an answer."""

_BASE64: Final = 4 / 3
_UNCOUNTED: Final = frozenset({"/health", "/health/live", "/health/ready"})
"""Routes that load balancers ask: they are answered however often somebody else asks from there."""


def create_app(services: Services) -> QuartTrio:
    """The whole API as an ASGI application."""
    settings = services.settings
    app = QuartTrio("wasup.http", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = int(settings.max_media * _BASE64) + settings.max_body
    app.config["BODY_TIMEOUT"] = settings.body_timeout
    app.url_map.converters["id"] = IdConverter
    app.url_map.merge_slashes = False  # '//api' is an unknown route, not a redirect
    app.register_error_handler(Exception, answer_error)
    door = _door(services)
    running = RunSettings(services.run_settings, settings, door)
    metrics = HttpMetrics(services)
    operations = [operation for routes in ALL for operation in routes.operations]
    for operation in operations:
        mount(app, operation, services, door, running)
    metrics.mount(app, door)
    mount_legacy(app, services, LegacyDoor(services, door, running))
    add_docs(app, ALL)

    @app.before_request
    async def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        # A request id of the client's ends up in our log: only harmless ones are taken over.
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.began = time.perf_counter()
        g.address = client_address(request.remote_addr, request.headers, settings.trusted_proxies)
        if request.path not in _UNCOUNTED:
            door.admit(g.address)
            await running.refresh()

    @app.after_request
    async def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        await compress(response, request.headers.get("Accept-Encoding", ""))
        rule = request.url_rule.rule if request.url_rule is not None else "unknown"
        metrics.count(request.method, rule, response.status_code, time.perf_counter() - g.began)
        return response

    return app


def _door(services: Services) -> Doorkeeper:
    settings = services.settings
    guesses = settings.wrong_keys_per_minute
    return Doorkeeper(
        keys=KeyCache(services.keys, seconds=settings.key_cache),
        now_ms=services.clock.now_ms,
        per_address=RateLimit(settings.rate_per_address, 2 * settings.rate_per_address),
        per_key=RateLimit(settings.rate_per_key, 2 * settings.rate_per_key),
        guesses=RateLimit(guesses / 60, guesses),
    )
