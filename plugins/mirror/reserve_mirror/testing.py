"""The pytest fixture `reserve_mirror`: a mirror of its own for each test, to send webhooks and the like to.

    def test_the_order_is_announced(reserve_mirror):
        place_order(webhook=reserve_mirror.url + "/hook")
        request = reserve_mirror.wait_for(method="POST", path="/hook", timeout=5)
        assert request.json() == {"order": 42}

It works in sync and in async tests alike: its server runs in a thread of its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping as Dict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reserve_core.testing import LoopThread, TestServer

    from .json_shapes import NearMiss, RequestDetails, SignatureVerdict
    from .signature_verifier import SignatureVerifier
    from .wait import Outcome

__all__ = ["RecordedRequest", "RemoteMirror", "TestMirror", "reserve_mirror"]

CODE = "test"
MAX_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A recorded request. `path` is what follows the mirror's URL, `whole` all that the API tells of it."""

    whole: RequestDetails

    def __repr__(self) -> str:
        return f"<{self.method} {self.path or '/'} at {self.whole['time']}>"

    @property
    def method(self) -> str:
        """Upper case, as received."""
        return self.whole["method"]

    @property
    def path(self) -> str:
        """What follows the mirror's URL: "" or "/..."."""
        return self.whole["path"]

    @property
    def query(self) -> list[tuple[str, str]]:
        """The names and values of the query, decoded, in order."""
        return [(name, value) for name, value in self.whole["query"]]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The header fields as received, in order."""
        return [(name, value) for name, value in self.whole["headers"]]

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case; None without it."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    @property
    def body(self) -> bytes:
        """The exact bytes."""
        text = self.whole["body"]
        return base64.b64decode(text) if self.whole["body_encoding"] == "base64" else text.encode()

    @property
    def signature(self) -> SignatureVerdict | None:
        """What the mirror says of the signature, `valid` and `reason` among it; None where it verifies none."""
        return self.whole.get("signature")

    @property
    def text(self) -> str:
        """The body as UTF-8; what doesn't decode is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError when it is none."""
        return json.loads(self.body)


class TestMirror:
    """A mirror on a server of its own: requests go to `url`, or below it; `page` shows them."""

    __test__ = False  # not a class of tests, despite its name

    def __init__(self, loop: LoopThread, server: TestServer) -> None:
        self._loop = loop
        self._store = server.server.configuration.mappings[0].state.store
        self.url = f"{server.url}r/{CODE}"
        self.page = f"{server.url}v/{CODE}"
        self._verifier: SignatureVerifier | None = None

    def verify(self, scheme: str, *secrets: str, **details: str) -> None:
        """Has the signatures of all requests verified: `verify("github", "the secret")`. Any of several secrets may
        have signed. With the scheme hmac the `details` are header, algorithm, encoding and prefix.
        """
        from .signature_verifier import SignatureVerifier, scheme_named

        self._verifier = SignatureVerifier(scheme_named(scheme, details), secrets)

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests that came in, oldest first."""
        from .request_details import details_of

        async def read() -> list[RecordedRequest]:
            entries = await self._store.entries(CODE, "", MAX_REQUESTS)
            records = [await self._store.get(CODE, entry.id) for entry in entries]
            return [RecordedRequest(await details_of(record, self._verifier)) for record in records]

        return self._loop.run(read())

    def wait_for(
        self,
        method: str | None = None,
        path: str | None = None,
        headers: Dict[str, str] | None = None,
        body_contains: str | None = None,
        when: Dict[str, Any] | None = None,
        timeout: float = 5,
    ) -> RecordedRequest:
        """The first request like that, as soon as it's there; it may have come before. A header may be "": any value.
        `when` takes all conditions by their words: `{"path": "/orders/*", "json.order.id": 5}`.

        The test fails if there is none within `timeout` seconds, and says what there was instead.
        """
        __tracebackhide__ = True
        outcome = self._wait(_conditions(method, path, headers, body_contains, when), timeout)
        if not outcome.requests:
            pytest.fail(_explain(outcome.nearest, timeout))
        return RecordedRequest(outcome.requests[0])

    def expect_none(self, when: Dict[str, Any] | None = None, timeout: float = 1) -> None:
        """The test fails as soon as there is a request that meets the conditions `when`, within `timeout` seconds."""
        __tracebackhide__ = True
        outcome = self._wait(when or {}, timeout)
        if outcome.requests:
            pytest.fail(f"There was to be no such request: {RecordedRequest(outcome.requests[0])}")

    def respond(self, **response: Any) -> None:
        """Sets the response from now on: `status`, `headers`, `body`, `body_encoding`, `delay`. What isn't given is as
        of a new mirror, the body the reason of the status: `respond(status=503, headers={"Retry-After": "1"})`.

        Raises ValueError for what can't be.
        """
        from . import mirror_response
        from .rules import response_of

        self._loop.run(self._store.change(CODE, mirror_response.dump(response_of(response))))

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules, by which some requests get another response: `[{"when": {...}, "sequence": [503, 503, 200]}]`.

        They are set as a whole. Raises ValueError for what can't be.
        """
        state = self._loop.run(self._store.read(CODE))
        assert state is not None  # one of "codes" always exists
        rules: list[dict[str, Any]] = json.loads(state.settings.rules or "[]")
        return rules

    @rules.setter
    def rules(self, rules: list[dict[str, Any]]) -> None:
        from .rules import dump

        self._loop.run(self._store.change(CODE, None, dump(rules)))

    def _wait(self, when: Dict[str, Any], timeout: float) -> Outcome:
        from .conditions import RequestConditions
        from .wait import wait_for_matches

        conditions = RequestConditions.of_json(when)
        waiting = wait_for_matches(self._store, CODE, conditions, verifier=self._verifier, timeout=timeout)
        return self._loop.run(waiting)


class RemoteMirror:
    """A mirror on a server that others reach, for what is sent from outside: `RemoteMirror("https://HOST/v/CODE")`.

    It's named by the address of its `page`, of a public one either for its owner or for sharing. Requests go to `url`;
    those that came before this object was made are none of its own. Raises ValueError for what is no such address, and
    OSError where there is no such mirror.
    """

    def __init__(self, page: str, token: str | None = None) -> None:
        from .mirror_client import MIRROR_URL, rest_of_page

        match = MIRROR_URL.fullmatch(page)
        if match is None or match["kind"] != "v" or rest_of_page(match):
            raise ValueError(f"{page!r} is not the address of a mirror's page: https://HOST/v/CODE")
        self._api = f"{match['base']}/api/mirrors/{match['code']}"
        self._token = token
        mirror = self._get("")
        self.page = page
        self.url: str = mirror["url"]
        self._after: str = mirror["newest"]

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests that came in, oldest first."""
        found: list[RecordedRequest] = []
        after: str | None = self._after
        while after is not None:
            page = self._get("/requests", ("limit", "1000"), ("after", after))
            found += [RecordedRequest(self._get(f"/requests/{each['id']}")) for each in page["requests"]]
            after = page["next"]
        return found

    def wait_for(
        self,
        method: str | None = None,
        path: str | None = None,
        headers: Dict[str, str] | None = None,
        body_contains: str | None = None,
        when: Dict[str, Any] | None = None,
        timeout: float = 30,
    ) -> RecordedRequest:
        """The first request like that, as `TestMirror.wait_for`."""
        __tracebackhide__ = True
        outcome = self._wait(_conditions(method, path, headers, body_contains, when), timeout)
        if not outcome["requests"]:
            pytest.fail(_explain(outcome["nearest"], timeout))
        return RecordedRequest(outcome["requests"][0])

    def expect_none(self, when: Dict[str, Any] | None = None, timeout: float = 5) -> None:
        """The test fails as soon as there is such a request, as with `TestMirror.expect_none`."""
        __tracebackhide__ = True
        outcome = self._wait(when or {}, timeout)
        if outcome["requests"]:
            pytest.fail(f"There was to be no such request: {RecordedRequest(outcome['requests'][0])}")

    def respond(self, **response: Any) -> None:
        """Sets the response from now on, as `TestMirror.respond`; by a page for sharing only it raises OSError."""
        from .rules import response_of

        self._change({"response": response_of(response)})

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The rules, as `TestMirror.rules`; by a page for sharing only, to set them raises OSError."""
        rules: list[dict[str, Any]] = self._get("")["rules"]
        return rules

    @rules.setter
    def rules(self, rules: list[dict[str, Any]]) -> None:
        from .rules import dump

        dump(rules)  # what is wrong with them is known here already
        self._change({"rules": rules})

    def _change(self, changes: Dict[str, Any]) -> None:
        from .mirror_client import send

        status, value = send(self._api, changes, self._token)
        if status != 200:
            raise OSError(f"{self._api}: {value['error']}")

    def _wait(self, when: Dict[str, Any], timeout: float) -> Any:
        from .conditions import RequestConditions

        RequestConditions.of_json(when)  # what is wrong with it is known here already
        query = [("timeout", f"{timeout:g}"), ("when", json.dumps(when))]
        if self._after:
            query.append(("after", self._after))
        return self._get("/wait", *query, timeout=timeout)

    def _get(self, path: str, *query: tuple[str, str], timeout: float = 0) -> Any:
        from .mirror_client import ask

        status, value = ask(f"{self._api}{path}", list(query), self._token, timeout)
        if status not in (200, 408, 409):
            raise OSError(f"{self._api}: {value['error']}")
        return value


@pytest.fixture
def reserve_mirror(reserve_loop: LoopThread, reserve_server: Callable[[dict[str, Any]], TestServer]) -> TestMirror:
    """A mirror in the memory of this process: `url`, `requests` and `wait_for(method="POST", path="/hook")`."""
    mapping = {"match": "^(/.*)$", "mirror": "$1", "codes": [CODE], "redis-url": None, "max-requests": MAX_REQUESTS}
    return TestMirror(reserve_loop, reserve_server({"mappings": [mapping]}))


def _conditions(
    method: str | None,
    path: str | None,
    headers: Dict[str, str] | None,
    body_contains: str | None,
    when: Dict[str, Any] | None,
) -> dict[str, Any]:
    wanted = {"method": method, "path": path, "body": body_contains}
    fields = {f"header.{name}": value for name, value in (headers or {}).items()}
    return {**{word: text for word, text in wanted.items() if text is not None}, **fields, **(when or {})}


def _explain(nearest: list[NearMiss], timeout: float) -> str:
    if not nearest:
        return f"No request at all came within {timeout:g} s"
    from .wait import nearest_lines

    lines = "\n  ".join(nearest_lines(nearest))
    return f"No such request came within {timeout:g} s. The nearest of those that did:\n  {lines}"
