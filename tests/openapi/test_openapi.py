"""The description of the mirror's API: it's that of the routes, and the server does what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NotRequired, get_origin, get_type_hints

import jsonschema
import pytest

from reserve_core import __version__
from reserve_core.testing import TestServer
from reserve_mirror import group_shapes, json_shapes
from tests.kit.client import ask
from tests.openapi.description import FILE, described_routes, description, path_of
from tests.openapi.generated_calls import NOT_CALLED, Operations, described_operations, described_server, make_calls
from tests.openapi.operations import OPERATIONS

EXAMPLES = 4  # of each operation, right ones and wrong ones each
REFUSED = {"waitForRequests", "resendRequest", "takeTurn"}  # these are, some of them: it is in memory
ORDERS = "/api/mirrors/orders"
FORM = b'--B\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--B--\r\n'


@pytest.fixture(scope="module")
def server() -> Iterator[TestServer]:
    with described_server() as server:
        yield server


@pytest.fixture(scope="module")
def base(server: TestServer) -> str:
    return f"http://127.0.0.1:{server.port}/base"


@pytest.fixture(scope="module")
def operations(base: str) -> Operations:
    return described_operations(base)


def test_the_file_is_written_from_the_routes_and_the_shapes() -> None:
    assert FILE.read_text() == description(), "make format writes it anew"


def test_every_operation_is_described_and_no_other() -> None:
    assert {route.handle for route in described_routes()} == set(OPERATIONS)
    described = {
        (method.upper(), path) for path, item in json.loads(FILE.read_text())["paths"].items() for method in item
    }
    assert described == {(route.method, path_of(route)) for route in described_routes()}


def test_what_is_required_is_what_the_shapes_always_have() -> None:
    schemas = json.loads(FILE.read_text())["components"]["schemas"]
    shapes = {**vars(json_shapes), **vars(group_shapes)}
    for name, schema in schemas.items():
        shape = shapes[name]
        hints = get_type_hints(shape, include_extras=True)
        assert shape.__total__, f"{name}: NotRequired says it, each by itself"
        always = {each for each, hint in hints.items() if get_origin(hint) is not NotRequired}
        assert (set(schema["properties"]), set(schema.get("required", ()))) == (set(hints), always), name


def test_it_is_sent_to_everybody_and_its_addresses_are_relative(base: str) -> None:
    response = ask(f"{base}/openapi.json", headers={"Host": "evil.example"})
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    found = response.json()
    assert (found["info"]["version"], found["servers"]) == (__version__, [{"url": "."}])
    assert ask(f"{base}/openapi.json?x=1").status == 400


def calls(base: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A right call of each operation that has one, with what the mirror has recorded before."""
    assert ask(f"{base.removesuffix('/base')}/tapped", "POST", "tap me").status == 201
    assert (
        ask(f"{base}/r/orders/x?y=1", "POST", FORM, {"Content-Type": "multipart/form-data; boundary=B"}).status == 200
    )
    code, newest = {"code": "orders"}, {"code": "orders", "id": "latest"}
    oldest = {"code": "orders", "id": ask(f"{base}{ORDERS}/requests?limit=1").json()["requests"][0]["id"]}
    yield "describe", {}
    yield "tellAlive", {}
    yield "tellReady", {}
    yield "createMirror", {"body": {"code": "mine", "rules": [{"when": {"method": "POST"}, "sequence": [503, "pass"]}]}}
    yield "showMirror", {"path_parameters": {"code": "mine"}}
    yield "changeMirror", {"path_parameters": code, "body": {"response": {"status": 201, "headers": {"X-A": "1"}}}}
    yield "listRequests", {"path_parameters": code, "query": {"path": "/x", "order": "desc"}}
    yield "exportJson", {"path_parameters": code}
    yield "exportHar", {"path_parameters": code}
    yield "exportPairs", {"path_parameters": code}
    yield "waitForRequests", {"path_parameters": code, "query": {"path": "/x", "query.y": "1"}}
    yield "waitForRequests", {"path_parameters": code, "query": {"path": "/nowhere", "timeout": 0}}
    yield "waitForRequests", {"path_parameters": code, "query": {"path": "/x", "never": "true"}}
    yield "showRequest", {"path_parameters": newest}
    yield "showRequest", {"path_parameters": oldest}  # tapped, with its trace
    yield "downloadBody", {"path_parameters": newest}
    yield "downloadFile", {"path_parameters": {**newest, "number": 0}}
    yield "downloadResponseBody", {"path_parameters": oldest}
    yield "resendRequest", {"path_parameters": newest, "body": {"to": "http://127.0.0.1:1/"}}
    forwarded = {"to": "http://127.0.0.1:1/", "status": 200, "headers": [["X-A", "1"]], "size": 2, "duration": 1.5}
    yield "keepForwarded", {"path_parameters": newest, "body": {**forwarded, "body": "OK", "body_encoding": "utf-8"}}
    yield "showRequest", {"path_parameters": newest}
    yield "takeTurn", {"path_parameters": {**code, "group": "devs"}, "body": {"listener": "one"}}
    yield "deleteRequest", {"path_parameters": newest}
    yield "clearRequests", {"path_parameters": code}
    yield "deleteMirror", {"path_parameters": {"code": "mine"}}


def test_each_response_is_as_described(base: str, operations: Operations) -> None:
    """The calls are, too: what the server doesn't ask for isn't required."""
    called = set(NOT_CALLED)
    whole = json.loads(FILE.read_text())
    for name, parts in calls(base):
        if "body" in parts:
            content = operations[name].definition.raw["requestBody"]["content"]["application/json"]
            jsonschema.validate(parts["body"], {**content["schema"], "components": whole["components"]})
        case = operations[name].Case(**parts, **({"media_type": "application/json"} if "body" in parts else {}))
        response = case.call(base_url=base)
        assert response.status_code < 300 or name in REFUSED, (name, response.text)
        case.validate_response(response)
        called.add(name)
    assert called == set(operations)


def test_an_event_stream_is_as_described(base: str) -> None:
    response = ask(f"{base}/api/mirrors/hooks/events", "HEAD")
    described = json.loads(FILE.read_text())["paths"]["/api/mirrors/{code}/events"]["get"]["responses"]["200"]
    assert response.headers["content-type"] in described["content"]


@pytest.mark.no_cover
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_whatever_is_asked_for_the_response_is_as_described(wrong: bool, base: str, operations: Operations) -> None:
    assert make_calls(base, operations, EXAMPLES, wrong=wrong) >= EXAMPLES
