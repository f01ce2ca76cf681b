"""The batch of docs/batch.md, asked by a real client: one request for many, each through all mappings of the server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import Request, Response
from reserve_core.testing import StartMock, StartServer
from tests.kit.client import ReceivedResponse, ask
from tests.kit.markdown import sections

PAGE = Path(__file__).parents[1] / "docs" / "batch.md"
MEMBER = {"authorization": "Bearer sesame"}

Batch = Callable[..., ReceivedResponse]


def seen(request: Request, response: Response) -> list[Any]:
    """Answers with what a handler can see of its client."""
    names = ("cookie", "authorization", "proxy-authorization", "x-forwarded-for", "x-own")
    return [
        {
            "headers": {name: request.headers[name] for name in names if name in request.headers},
            "cookies": request.cookies,
            "internal": request.internal,
            "client": request.client.address,
        },
        {"status": 203, "headers": {"x-seen": request.path}},
    ]


@pytest.fixture
def batch(reserve_server: StartServer, tmp_path: Path) -> Batch:
    """Sends calls as one batch to the server of the page: `batch([{"url": "/a"}], headers={...})`."""
    for name, text in sections(PAGE.read_text())["Ten requests in one"].files().items():
        (tmp_path / name).write_text(text)
    site = json.loads((tmp_path / "reserve.json").read_text())
    own = [{"match": "^/seen", "custom": seen}]
    server = reserve_server({"cwd": str(tmp_path), "mappings": [*own, *located(site["mappings"], tmp_path)]})

    def batch(calls: Any, headers: dict[str, str] | None = None) -> ReceivedResponse:
        return ask(f"{server.url}batch", "POST", json.dumps(calls), headers or {})

    return batch


def located(mappings: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """The mappings with their references to `folder`: those of a dict are relative to the current one."""
    return [
        {
            name: f"{folder}/{value[2:]}" if isinstance(value, str) and value.startswith("./") else value
            for name, value in mapping.items()
        }
        for mapping in mappings
    ]


def test_ten_requests_are_answered_in_their_order(batch: Batch) -> None:
    calls = [
        {"method": "POST", "url": "/double", "body": number} if number % 2 else {"url": f"/seen/{number}"}
        for number in range(10)
    ]
    answers = batch(calls).json()
    assert [answer["status"] for answer in answers] == [203, 200] * 5
    assert [answer["body"] for answer in answers[1::2]] == ["2", "6", "10", "14", "18"]
    assert [answer["headers"]["x-seen"] for answer in answers[::2]] == [f"/seen/{number}" for number in range(0, 10, 2)]
    assert {answer["headers"]["content-type"] for answer in answers} == {"application/json"}


def test_one_that_fails_leaves_the_others(batch: Batch) -> None:
    calls = [
        {"url": "/nowhere"},
        {"method": "POST", "url": "/double", "body": {}},
        {"method": "POST", "url": "/double", "body": 4},
    ]
    assert [answer["status"] for answer in batch(calls).json()] == [404, 500, 200]


def test_no_credentials_of_the_batch_are_inherited(batch: Batch) -> None:
    theirs = {**MEMBER, "cookie": "session=1", "proxy-authorization": "Basic eA==", "x-forwarded-for": "192.0.2.1"}
    plain, own = batch([{"url": "/seen"}, {"url": "/seen", "headers": {"x-own": "1", "cookie": "a=b"}}], theirs).json()
    assert json.loads(plain["body"]) == {"headers": {}, "cookies": {}, "internal": True, "client": ""}
    found = json.loads(own["body"])
    assert (found["headers"], found["cookies"]) == ({"x-own": "1", "cookie": "a=b"}, {"a": "b"})


def test_what_guards_the_mappings_guards_them_here(batch: Batch) -> None:
    calls = [
        {"url": "/members/list"},
        {"url": "/members/list", "headers": MEMBER},
        {"url": "/%6dembers/list"},
        {"url": "/seen/../members/list"},
    ]
    answers = batch(calls, MEMBER).json()
    assert [answer["status"] for answer in answers] == [403, 200, 403, 403]
    assert answers[1]["body"] == "Ada, Bob"


@pytest.mark.parametrize(
    "calls",
    [
        [{}],
        ["/seen"],
        [{"url": "seen"}],
        [{"url": "/seen\r\nx: y"}],
        [{"url": "/seen", "method": "get"}],
        [{"url": "/seen", "method": "GET / HTTP/1.1\r\n"}],
    ],
)
def test_what_no_client_could_send_is_refused(batch: Batch, calls: Any) -> None:
    assert batch(calls).status == 400


def test_more_than_ten_are_refused(batch: Batch) -> None:
    assert batch([{"url": "/seen"}] * 11).status == 413


def test_a_batch_in_a_batch_is_bounded(batch: Batch) -> None:
    call: dict[str, Any] = {"url": "/seen"}
    for _ in range(20):
        call = {"method": "POST", "url": "/batch", "body": [call]}
    answer = batch([call])
    depth, status, text = 0, answer.status, answer.text
    while status == 200:
        ((depth, status, text),) = [(depth + 1, each["status"], each["body"]) for each in json.loads(text)]
    assert (depth, status) == (12, 508)  # eleven are run, one in the other, and the next is refused


def test_what_asks_for_itself_is_bounded(reserve_mock: StartMock) -> None:
    made = 0

    async def asks(request: Request, response: Response) -> int:
        nonlocal made
        made += 1
        return (await request.configuration.dispatch(Request("GET", "/"))).status

    site = reserve_mock({"max-redirect": 3, "mappings": [{"custom": asks}]})
    assert site.request("GET", "/").status == 508
    assert made == 5
