"""Writes the description of the mirror's API in OpenAPI 3.1: `python -m tests.openapi.description`.

It's made of the routes, of the shapes in `json_shapes.py` and `group_shapes.py`, and of what is said of each operation
here. A test holds the file in step, which the server sends as it is.
"""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, is_typeddict

from reserve_core import __version__
from reserve_mirror import group_shapes, json_shapes
from reserve_mirror.routes import ROUTES, Route
from tests.openapi.operations import OPERATIONS, PARAMETERS, PATH_PARAMETERS, STATUSES, Operation
from tests.page.declarations import Member, bases, members

FILE = Path(json_shapes.__file__).with_name("openapi.json")

_NAMES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    object: {},
}
_DESCRIBED = ("/api/", "/healthz", "/readyz", "/openapi.json")
_ABOUT = (
    "What a mirror has recorded, what it responds with, and waiting for what comes. Paths are relative to where the"
    " mirror is mounted; below /r/CODE requests with any method are recorded. GET /ws/CODE is a WebSocket with the"
    " messages of the event stream."
)


def description() -> str:
    """The text of `openapi.json`."""
    paths: dict[str, dict[str, Any]] = {}
    for route in described_routes():
        paths.setdefault(path_of(route), {})[route.method.lower()] = _operation(route, OPERATIONS[route.handle])
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "reserve mirror", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "."}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": {name: _shape(shape) for name, shape in _shapes()},
            "responses": {str(status): _refusal(text) for status, text in STATUSES.items()},
            "parameters": {
                name: {"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]}
                for name in PATH_PARAMETERS
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The option token, if set"}
            },
        },
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def described_routes() -> Iterator[Route]:
    """The routes of the API: the others are pages and their files, and the WebSocket, which OpenAPI doesn't know."""
    return (route for route in ROUTES if path_of(route).startswith(_DESCRIBED))


def path_of(route: Route) -> str:
    """The path of a route as a template: /api/mirrors/{code}."""
    return re.sub(r"\(\?P<(\w+)>[^()]*\)", r"{\1}", route.path.pattern).replace("\\", "")


def _operation(route: Route, operation: Operation) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", path_of(route))
    found: dict[str, Any] = {"operationId": _camel(route.handle), "summary": operation.summary}
    parameters = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    parameters += [_parameter(name) for name in route.parameters or ()]
    if operation.header is not None:
        parameters.append({"name": operation.header, "in": "header", **PARAMETERS[operation.header]})
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        found["requestBody"] = {"content": {"application/json": {"schema": _schema(operation.body)}}}
    responses = {str(status): _response(*content) for status, content in operation.responses.items()}
    refusals = {*operation.refusals, *_usual_refusals(route, operation)}
    responses |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in refusals}
    found["responses"] = dict(sorted(responses.items()))
    if route.open:
        found["security"] = []
    return found


def _usual_refusals(route: Route, operation: Operation) -> Iterator[int]:
    if route.open:
        return
    yield from (400, 401, 403, 503)
    if "{code}" in path_of(route):
        yield 404
    if operation.body is not None:
        yield from (413, 422)


def _parameter(name: str) -> dict[str, Any]:
    """A parameter of a query; one that only begins so, "header.", is an object whose members are the rest."""
    place = {"in": "query", **PARAMETERS[name]}
    if name.endswith("."):
        return {"name": f"{name}NAME", **place}
    return {"name": name, **place}


def _response(text: str, content_type: str, shape: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"description": text}
    if content_type:
        found["content"] = {content_type: {} if shape is None else {"schema": _schema(shape)}}
    return found


def _refusal(text: str) -> dict[str, Any]:
    return _response(text, "application/json", json_shapes.Refusal)


def _shapes() -> Iterator[tuple[str, type]]:
    for module in (json_shapes, group_shapes):
        for name, shape in vars(module).items():
            if is_typeddict(shape) and shape.__module__ == module.__name__:
                yield name, shape


def _shape(shape: type) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object"}
    if text := (shape.__doc__ or "").strip():
        found["description"] = inspect.cleandoc(text)
    every = [*(member for base in bases(shape) for member in members(base)), *members(shape)]
    found["properties"] = {each.name: _described(each) for each in every}
    required = [each.name for each in every if each.required]
    if required:
        found["required"] = required
    else:  # what is sent to the server, which refuses what it doesn't know
        found["additionalProperties"] = False
    return found


def _described(member: Member) -> dict[str, Any]:
    hint = get_args(member.hint)[0] if not member.required else member.hint
    return {**_schema(hint), **({"description": member.text} if member.text else {})}


def _schema(hint: Any) -> dict[str, Any]:
    """A type of Python as JSON Schema. Raises KeyError for one that JSON doesn't have."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1]) or True}
    if origin is types.UnionType:
        return {"anyOf": [_schema(each) for each in arguments]}
    return {"$ref": f"#/components/schemas/{hint.__name__}"} if is_typeddict(hint) else dict(_NAMES[hint])


def _camel(function: Callable[..., Any]) -> str:
    first, *rest = function.__name__.split("_")
    return first + "".join(map(str.capitalize, rest))


if __name__ == "__main__":
    FILE.write_text(description())
