"""The HTTP API: Quart-Trio on Hypercorn, behind a guard.

A handler parses its request, says one thing to an account's actor or to a store, and maps the answer to a status.
`create_app` makes the application of what `Services` names; `serve_http` runs it as a child of a supervisor.
"""

from wasup.http.app import create_app as create_app, make_door as make_door
from wasup.http.keys import digest_key as digest_key, new_key as new_key, visible_prefix as visible_prefix
from wasup.http.overview import Overview as Overview
from wasup.http.places import Places as Places
from wasup.http.server import ServerLimits as ServerLimits, serve_http as serve_http
from wasup.http.services import (
    AccountDirectory as AccountDirectory,
    HealthPart as HealthPart,
    HealthReport as HealthReport,
    HttpSettings as HttpSettings,
    Services as Services,
    StatsStore as StatsStore,
)
