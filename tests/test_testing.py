"""The fixtures of the pytest plugin, in sync and async tests."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import urllib.request
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from reserve_core import ConfigError, Request, Response, serve
from reserve_core.testing import LoopThread, TestMock, TestServer
from tests.kit.waiting import PATIENCE, wait_until

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


def test_who_comes_as_it_closes_leaves_no_socket_open() -> None:
    """Of twenty servers two or more left one: asyncio's own race. What is left is told when it is collected."""
    gc.collect()
    for _ in range(20):
        loop = LoopThread()
        server = TestServer(loop, {"port": 0, "mappings": [{"status": 404}]})
        closed = threading.Event()
        clients: list[socket.socket] = []

        def come(port: int = server.port, closed: threading.Event = closed, clients: Any = clients) -> None:
            while not closed.wait(0.0003):
                with suppress(OSError):
                    clients.append(socket.create_connection(("127.0.0.1", port), PATIENCE))

        coming = threading.Thread(target=come)
        coming.start()
        wait_until(lambda clients=clients: len(clients) > 5, pause=0.001)  # type: ignore[misc]
        server.close()
        loop.close()
        closed.set()
        coming.join()
        for client in clients:
            client.close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del server, loop
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
