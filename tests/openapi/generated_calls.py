"""Calls of the mirror's API that schemathesis makes up from its description, and what has to hold for each response.

It is imported where it is at work: each process of a run collects all tests, and few make calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import HealthCheck, Phase, given, settings

from reserve_core.testing import LoopThread, TestServer
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from schemathesis import Case

NOT_CALLED = {"streamEvents"}  # which has no end

Operations = dict[str, Any]


@contextmanager
def described_server() -> Iterator[TestServer]:
    """A server with mirrors below /base, two of them there from the beginning, and a tap."""
    loop = LoopThread()
    mirror = {"match": "^/base(/.*)?$", "mirror": "$1", "redis-url": None, "codes": ["orders", "hooks"]}
    tap = {"match": "^/tapped", "tap": "orders"}
    custom = {"match": "^/tapped", "custom": ["hello", {"status": 201}]}
    server = TestServer(loop, {"port": 0, "mappings": [tap, custom, mirror, {"status": 404}]})
    yield server
    server.close()
    loop.close()


def described_operations(base: str) -> Operations:
    """The operations of the description, as the server sends it, by their ids."""
    import schemathesis
    from schemathesis.core.result import Ok

    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {operation.definition.raw["operationId"]: operation for operation in found}


def make_calls(base: str, operations: Operations, examples: int, *, wrong: bool) -> int:
    """Makes so many calls of each operation, right or wrong ones, the same each time, and returns how many it were.

    Raises an exception for a response that isn't as described.
    """
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    mode = GenerationMode.NEGATIVE if wrong else GenerationMode.POSITIVE
    # What is right by its form may still be refused: a code, a header, a rule has rules of its own.
    left_out: list[Any] = [positive_data_acceptance]
    made = 0
    for name in sorted(operations.keys() - NOT_CALLED):
        paths = None
        if wrong:
            if not _takes_something(operations[name]):
                continue
            # A path that can't be gets its 400 or 404 of the server before there is a mirror to speak of.
            paths = {"code": "orders", "id": "latest", "number": 0, "group": "devs"}
        cases = operations[name].as_strategy(generation_mode=mode, path_parameters=paths)

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def check(case: Case[Any]) -> None:
            nonlocal made
            made += 1
            if case.operation.path.endswith("/wait"):
                case.query = {**(case.query or {}), "timeout": 0}
            if not _is_written(case, base):
                return
            case.call_and_validate(base_url=base, excluded_checks=left_out, timeout=PATIENCE)

        check()
    return made


def _is_written(case: Case[Any], base: str) -> bool:
    """Whether the URL has the parameters as they are meant: an empty list, which is wrong, leaves nothing there, and a
    list of nothing an empty text; both may be right.
    """
    import requests

    url = requests.Request(**case.as_transport_kwargs(base_url=base)).prepare().url
    written = parse_qs(urlsplit(str(url)).query, keep_blank_values=True)
    return all(written.get(name, [""]) != [""] or value == "" for name, value in (case.query or {}).items())


def _takes_something(operation: Any) -> bool:
    """Whether there is anything to get wrong, the path aside."""
    described = operation.definition.raw
    return "requestBody" in described or any("in" in each for each in described.get("parameters", ()))
