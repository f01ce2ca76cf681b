"""The handler `rewrite`: redirects inside the server."""

from __future__ import annotations

from typing import Any

import pytest

from reserve_core import ConfigError, Request, check, mock, read


def told(request: Request, response: Any) -> list[Any]:
    return [f"{request.raw_url} {request.url}"]


async def ask(url: str, *mappings: dict[str, Any], method: str = "GET", **headers: str) -> Any:
    async with await mock({"mappings": list(mappings)}) as server:
        return await server.request(method, url, headers=headers)


async def test_the_mappings_start_again_with_what_the_client_sent() -> None:
    response = await ask(
        "/old/a%2Bb%20c?x=%2F",
        {"match": "^/new/", "custom": told},
        {"match": "^/old/(.*)", "rewrite": "/new/$1"},
    )
    assert response.text == "/new/a%2Bb%20c?x=%2F /new/a+b c?x=%2F"


async def test_a_group_leads_to_no_other_place() -> None:
    response = await ask("/go/elsewhere", {"match": "^/go/(.*)", "rewrite": "$1"}, {"custom": told})
    assert response.text == "/elsewhere /elsewhere"


async def test_a_later_response_has_its_status() -> None:
    page = {"match": "^/page", "custom": told}
    response = await ask("/x", page, {"rewrite": "/page", "response-status": 404})
    assert (response.status, response.text) == (404, "/page /page")


async def test_a_circle_ends() -> None:
    assert (await ask("/x", {"rewrite": "/x"})).status == 508


async def test_a_condition_holds_for_urls_of_clients_only() -> None:
    mappings = (
        {"match": "^/page", "if-match": "reserve_rewrite:from_outside", "status": 404},
        {"match": "^/page", "custom": told},
        {"rewrite": "/page"},
    )
    assert (await ask("/page", *mappings)).status == 404
    assert (await ask("/other", *mappings)).text == "/page /page"


async def test_https_is_at_the_same_host_and_url() -> None:
    to_https = {"custom": "reserve_rewrite:to_https"}
    response = await ask("/a%20b?c", to_https, host="Example.com:8080")
    assert (response.status, response.headers["location"]) == (301, "https://example.com/a%20b?c")
    assert (await ask("/", to_https, host="")).status == 400


@pytest.mark.parametrize("value", ["http://elsewhere.example/", "page"])
async def test_another_server_is_a_mistake(value: str) -> None:
    with pytest.raises(ConfigError, match="no URL of this server"):
        await check(read({"mappings": [{"rewrite": value}]}))
