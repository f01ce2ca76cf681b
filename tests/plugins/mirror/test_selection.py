"""Which requests of a mirror the API is asked for: the newest, or those that meet conditions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Site

ORDERS = "/api/mirrors/orders"
REQUESTS = f"{ORDERS}/requests"


def test_the_newest_request_is_asked_for_as_latest(site: Site) -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--B--\r\n'
    site.record("/first")
    newest = site.record("/second", body, headers=[("Content-Type", "multipart/form-data; boundary=B")])
    assert site.get(f"{REQUESTS}/latest").json() == site.whole(newest)
    assert site.get(f"{REQUESTS}/latest/body").body == body
    assert site.get(f"{REQUESTS}/latest/files/0").body == b"x"
    assert site.get(f"{REQUESTS}/latest/response/body").status == 404
    assert [each["id"] for each in site.get(f"{REQUESTS}.json?id=latest").json()["requests"]] == [newest]


def test_the_newest_request_is_deleted_and_then_it_is_the_one_before(site: Site) -> None:
    first, second = site.record("/first"), site.record("/second")
    assert site.get(f"{REQUESTS}/latest").json()["id"] == second
    assert site.ask("DELETE", f"{REQUESTS}/latest").status == 204
    assert site.get(f"{REQUESTS}/latest").json()["id"] == first


@pytest.mark.parametrize("path", ["", "/body", "/files/0", "/response/body"])
def test_without_a_request_there_is_no_newest(site: Site, path: str) -> None:
    response = site.get(f"{REQUESTS}/latest{path}")
    assert (response.status, response.json()["error"]) == (404, "The mirror 'orders' has no request yet")


def test_without_a_mirror_there_is_no_newest(site: Site) -> None:
    response = site.get("/api/mirrors/nobody/requests/latest")
    assert (response.status, response.json()["error"]) == (404, "The mirror 'nobody' does not exist")


@pytest.mark.parametrize(
    ("conditions", "paths"),
    [
        ({"method": "post"}, ["/orders/1", "/orders/2"]),
        ({"path": "/orders/*", "json.id": "2"}, ["/orders/2"]),
        ({"header.x-event": "paid"}, ["/orders/1"]),
        ({"query.page": "~^[0-9]$"}, ["/users"]),
        ({"body": '"id": 1'}, ["/orders/1"]),
        ({"when": '{"method": "POST", "json.id": 1}'}, ["/orders/1"]),
        ({"when": '{"method": "POST"}', "q": "path:s/2"}, ["/orders/2"]),
        ({"when": "{}"}, ["/orders/1", "/orders/2", "/users"]),
        ({"q": "paid", "path": "/users"}, []),
    ],
    ids=str,
)
def test_a_list_and_an_export_have_what_meets_the_conditions(
    site: Site, conditions: dict[str, str], paths: list[str]
) -> None:
    site.record("/orders/1", b'{"id": 1}', headers=[("X-Event", "paid")])
    site.record("/orders/2", b'{"id": 2}')
    site.record("/users?page=7", method="GET")
    query = urlencode(conditions)
    assert [each["path"] for each in site.get(f"{REQUESTS}?{query}").json()["requests"]] == paths
    newest_first = site.get(f"{REQUESTS}?order=desc&{query}").json()["requests"]
    assert [each["path"] for each in newest_first] == paths[::-1]
    assert [each["path"] for each in site.get(f"{REQUESTS}.json?{query}").json()["requests"]] == paths


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("method=a+b", "The condition method: "),
        ("when=[]", "Conditions are an object: "),
        ("when={", "when is not JSON: "),
        ("header.=x", "There is no parameter 'header.' here: "),
        ("json.a[=1", "The condition json.a[: "),
    ],
)
def test_a_condition_that_can_not_be_is_refused(site: Site, query: str, why: str) -> None:
    for address in (REQUESTS, f"{REQUESTS}.har", f"{ORDERS}/wait"):
        response = site.get(f"{address}?{query}")
        assert response.status == 400
        assert json.loads(response.body)["error"].startswith(why), response.text
