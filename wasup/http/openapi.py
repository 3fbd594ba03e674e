"""What quart-schema cannot say of our API. The OpenAPI 3.1 document is its work, made from the mounted views.

`mounting.py` tells it of each view. Added here are examples, the meanings of answers, the media types of problem
details and pictures, and three things that quart-schema 0.25 gets wrong with msgspec: it keeps only the outermost
type of a body (its issue 117), takes no generic ones, and puts an answer's headers into its content.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_origin

import msgspec
from quart_schema import APIKeySecurityScheme, DataSource, HttpSecurityScheme, OpenAPIProvider, QuartSchema
from quart_trio import QuartTrio
from werkzeug.routing import BaseConverter, IntegerConverter, Rule

from wasup import __version__
from wasup.http.dashboard.logins import COOKIE
from wasup.http.examples import EXAMPLES, MEDIA, problem_example
from wasup.http.operations import NoBody, Operation, Routes, Upload
from wasup.http.problems import MEDIA_TYPE, TITLES, ProblemDetails

__all__ = ["OPERATION", "openapi_document"]

OPERATION: Final = "_wasup_operation"
"""The attribute of a view that holds its operation, beside those that quart-schema gives it."""

_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{name}"
_ABOUT: Final = """\
Every error has the media type `application/problem+json` (RFC 9457). Lists are pages: pass `next_cursor` as `cursor`
to get the next one. Times are UTC epoch milliseconds. Another workspace's things answer exactly as unknown ids do.
Every answer carries `X-Request-Id`; a request may bring its own.
"""


@dataclass
class _Bearer(HttpSecurityScheme):
    description: str | None = "An API key: `Authorization: Bearer wsp_…`."


@dataclass
class _KeyHeader(APIKeySecurityScheme):
    description: str | None = "The same key, for simple clients."


@dataclass
class _Cookie(APIKeySecurityScheme):
    description: str | None = "The dashboard's login. Changes need its `csrf` in `X-CSRF-Token`."


def openapi_document(app: QuartTrio, routes: Sequence[Routes]) -> Callable[[], dict[str, Any]]:
    """Makes the document of an application whose operations are mounted, as plain values, when it is called.

    That takes some tenths of a second. quart-schema serves nothing itself: its route would make the document anew for
    every request, of anybody.
    """
    schema = QuartSchema(
        app,
        openapi_path=None,
        swagger_ui_path=None,
        redoc_ui_path=None,
        scalar_ui_path=None,
        conversion_preference="msgspec",
        openapi_provider_class=_Provider,
        info={
            "title": "wasup",
            "version": __version__,
            "summary": "WhatsApp account supervisor",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        servers=[{"url": "/"}],
        tags=[{"name": group.tag, "description": group.description} for group in routes],
        security_schemes={
            "bearer": _Bearer(scheme="bearer"),
            "apiKey": _KeyHeader(name="X-Api-Key", in_="header"),
            "dashboard": _Cookie(name=COOKIE, in_="cookie"),
        },
        security=[{"bearer": []}, {"apiKey": []}, {"dashboard": []}],
    )
    return schema.openapi_provider.schema


class _Provider(OpenAPIProvider):
    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._built: dict[tuple[Any, Any], dict[str, Any]] = {}

    def schema(self) -> dict[str, Any]:
        """Adds an example to each named type that has one."""
        document = super().schema()
        schemas = document["components"]["schemas"]
        for model, example in EXAMPLES.items():
            name = _name(_components(model)[0])
            if name:  # a union of bodies has none
                schemas[name] = schemas[name] | {"examples": [msgspec.to_builtins(example)]}
        return document

    def operation_id(self, _method: str, _path: str, func: Any) -> str:
        """The name of the operation, without the method that quart-schema puts before it."""
        return str(func.__name__)

    def build_path_parameter(self, name: str, converter: BaseConverter) -> dict[str, Any]:
        """Adds the bounds of ids, and an example."""
        parameter = super().build_path_parameter(name, converter)
        if not isinstance(converter, IntegerConverter):
            return parameter | {"example": "root/accounts/42"}
        parameter["schema"] |= {"minimum": converter.min, "maximum": converter.max}
        return parameter | {"example": 42}

    def build_querystring_parameters(self, model: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Says what must be there, and takes null out, which a query string cannot hold; named types are inlined."""
        parameters, _ = super().build_querystring_parameters(model)
        components = _components(model)[1]
        required = components[model.__name__]["required"]
        for parameter in parameters:
            schema = parameter["schema"]
            schema = next((one for one in schema.get("anyOf", ()) if one != {"type": "null"}), schema)
            parameter["schema"] = components.get(_name(schema), schema)
            parameter["required"] = parameter["name"] in required
        return parameters, {}

    def build_request_body(self, model: Any, source: DataSource) -> tuple[dict[str, Any], dict[str, Any]]:
        """A JSON body with the types within and an example; it must be there. The library knows no unions."""
        del source
        content: dict[str, Any] = {}
        components = _complete(content, model)
        return {"required": True, "content": {_JSON: content}}, components

    def build_response_object(self, model: Any, headers_model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Adds the types within and an example; the headers go where they belong."""
        plain = get_origin(model) or model
        # The same few answers stand below every operation, and each takes the library a millisecond.
        if (plain, headers_model) not in self._built:
            self._built[plain, headers_model] = super().build_response_object(plain, headers_model)[0]
        answer = copy.deepcopy(self._built[plain, headers_model])
        content = answer["content"]
        answer["headers"] = content.pop("headers")
        components = _complete(content[_JSON], model)
        if model is NoBody:
            del answer["content"]
            return answer, {}
        if model is ProblemDetails:
            content[MEDIA_TYPE] = content.pop(_JSON)
        return answer, components

    def build_paths(self, rule: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
        """Adds what each answer means, an example of each error, and the media types that are not JSON."""
        paths, components = super().build_paths(rule)
        operation: Operation = getattr(self._app.view_functions[rule.endpoint], OPERATION)
        for built in (one for methods in paths.values() for one in methods.values()):
            for status, answer in built["responses"].items():
                if status in operation.answers:
                    answer["description"] = operation.answers[status][0]
                elif status == 304:
                    answer["description"] = "Nothing has changed since the answer whose `ETag` was given."
                else:
                    answer["description"] = TITLES[status]
                    answer["content"][MEDIA_TYPE]["example"] = msgspec.to_builtins(problem_example(status))
            for media in operation.media:
                content = built["responses"][200].setdefault("content", {})
                content[media.partition(";")[0]] = MEDIA.get(media, {"schema": {"type": "string"}})
            if operation.body is Upload:
                anything = {"schema": {"type": "string", "format": "binary"}}
                built["requestBody"] = {"required": True, "content": {"*/*": anything}}
        return paths, components


@cache
def _components(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A reference to a type's schema, and this and all that it refers to, by name."""
    (reference,), components = msgspec.json.schema_components([model], ref_template=_REF)
    return reference, components


def _name(schema: dict[str, Any]) -> str:
    """The name that a reference refers to; empty for a schema that is none."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _complete(content: dict[str, Any], model: Any) -> dict[str, Any]:
    """Put the reference and the example into a content; returns the components that it needs."""
    content["schema"], components = _components(model)
    if model in EXAMPLES:
        content["example"] = msgspec.to_builtins(EXAMPLES[model])
    return components
