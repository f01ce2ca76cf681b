"""The fixtures of the pytest plugin, in sync and async tests."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Callable

import pytest

from reserve_core import ConfigError, Request, Response, serve
from reserve_core.testing import TestMock, TestServer
from tests.kit.waiting import PATIENCE

CONFIGURATION = {"mappings": [{"match": "^/hello", "custom": ["hello", {}]}, {"status": 404}]}


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
    return text


def test_a_server_in_a_sync_test(reserve_server: Callable[..., TestServer]) -> None:
    server = reserve_server(CONFIGURATION)
    assert server.port != 5000
    assert get(server.url + "hello") == "hello"


async def test_a_server_in_an_async_test(reserve_server: Callable[..., TestServer]) -> None:
    assert get(reserve_server(CONFIGURATION).url + "hello") == "hello"


def test_two_servers_and_a_mock(
    reserve_server: Callable[..., TestServer], reserve_mock: Callable[..., TestMock]
) -> None:
    first, second = reserve_server(CONFIGURATION), reserve_server(CONFIGURATION)
    assert first.port != second.port
    assert reserve_mock(CONFIGURATION).request("GET", "/hello").text == "hello"
    first.close()
    assert get(second.url + "hello") == "hello"


def test_a_mock_in_a_sync_test(reserve_mock: Callable[..., TestMock]) -> None:
    async def echo(request: Request, response: Response) -> None:
        response.send(await request.body())

    mocked = reserve_mock({"mappings": [{"custom": echo}]})
    assert mocked.request("POST", "/", body=b"\x00\xff").body == b"\x00\xff"


def test_both_take_over_another_configuration(
    reserve_server: Callable[..., TestServer], reserve_mock: Callable[..., TestMock]
) -> None:
    server, mocked = reserve_server(CONFIGURATION), reserve_mock(CONFIGURATION)
    for each in (server, mocked):
        with pytest.raises(ConfigError):
            each.reload({"mappings": [{"statu": 404}]})
    assert (get(server.url + "hello"), mocked.request("GET", "/hello").text) == ("hello", "hello")
    for each in (server, mocked):
        each.reload({"mappings": [{"custom": ["bye", {}]}]})
    assert (get(server.url + "hello"), mocked.request("GET", "/hello").text) == ("bye", "bye")


def test_the_fixtures_come_with_the_distribution(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request

        def test_hello(reserve_server):
            server = reserve_server({"mappings": [{"custom": ["hello", {}]}]})
            assert urllib.request.urlopen(server.url, timeout=60).read() == b"hello"
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


async def test_serve_is_a_context() -> None:
    async with await serve({"mappings": [{"custom": ["hello", {}]}]}, port=0) as server:
        assert await asyncio.to_thread(get, server.url) == "hello"
    assert server.closing
