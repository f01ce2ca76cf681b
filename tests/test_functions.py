"""The functions for configurations: answers for pages of other origins, and what asks for a page."""

from __future__ import annotations

from typing import Any

import pytest

CORS = {"custom": "reserve_core.functions:cors"}
PAGE = {"if-match": "reserve_core.functions:accepts_html", "custom": ["page", {}]}


@pytest.fixture
def cors(reserve_mock: Any) -> Any:
    def fail(request: Any, response: Any) -> None:
        raise KeyError("lost")

    own = ["", {"headers": {"access-control-allow-origin": "http://app.example"}}]
    return reserve_mock(
        {
            "mappings": [
                CORS,
                {"match": "/fails", "custom": fail},
                {"match": "/own", "custom": own},
                {"match": "^/ok", "custom": ["ok", {}]},
                {"match": "/gone", "status": 410},
            ]
        }
    )


@pytest.mark.parametrize(("path", "status"), [("/ok", 200), ("/gone", 410), ("/fails", 500), ("/nothing", 501)])
def test_every_answer_may_be_read(cors: Any, path: str, status: int) -> None:
    answer = cors.request("GET", path, headers={"origin": "http://app.example"})
    assert answer.status == status
    assert answer.headers.getall("access-control-allow-origin") == ["*"]
    assert answer.headers["access-control-expose-headers"] == "*"


def test_a_preflight_is_answered_with_what_it_asks_for(cors: Any) -> None:
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "authorization,x-a"}
    answer = cors.request("OPTIONS", "/gone", headers={"origin": "http://app.example", **asked})
    assert (answer.status, answer.text) == (204, "")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "PUT"
    assert answer.headers["access-control-allow-headers"] == "authorization,x-a"
    assert "content-type" not in answer.headers


def test_a_preflight_without_headers_allows_none(cors: Any) -> None:
    answer = cors.request("OPTIONS", "/ok", headers={"access-control-request-method": "PUT"})
    assert answer.status == 204
    assert "access-control-allow-headers" not in answer.headers


def test_another_options_goes_on_to_the_mappings(cors: Any) -> None:
    assert cors.request("OPTIONS", "/ok").text == "ok"
    assert cors.request("GET", "/ok", headers={"access-control-request-method": "PUT"}).text == "ok"


def test_an_answer_that_has_the_headers_keeps_its_own(cors: Any) -> None:
    answer = cors.request("GET", "/own")
    assert answer.headers.getall("access-control-allow-origin") == ["http://app.example"]


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", True),
        ("TEXT/HTML", True),
        ("application/xhtml+xml", True),
        ("application/json, text/html;q=0.1", True),
        ("text/html; level=1 ; q=0.5", True),
        ("text/html;q=0", False),
        ("text/html; q=0.000, */*", False),
        ("*/*", False),
        ("text/*", False),
        ("image/avif,image/webp,*/*;q=0.8", False),
        ("text/htmlx", False),
        ("", False),
    ],
)
def test_who_names_html_asks_for_a_page(reserve_mock: Any, accept: str, page: bool) -> None:
    server = reserve_mock({"mappings": [PAGE, {"status": 404}]})
    assert (server.request("GET", "/x", headers={"accept": accept}).text == "page") == page


def test_who_accepts_nothing_by_name_asks_for_none(reserve_mock: Any) -> None:
    assert reserve_mock({"mappings": [PAGE, {"status": 404}]}).request("GET", "/x").status == 404
