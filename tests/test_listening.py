"""What is said of a port that another program listens on."""

from __future__ import annotations

import errno
import socket
import sys

import pytest

from reserve_core import check
from reserve_core.listening import PortTaken, bind


async def test_the_next_port_is_one_where_the_server_can_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as taken:
            bind(await check({"port": port}))
    free = taken.value.next_free
    assert free is not None
    assert free > port
    assert taken.value.errno == errno.EADDRINUSE
    assert str(taken.value.strerror).endswith(f"or choose another port: {free} is free")
    for each in bind(await check({"port": free})):
        each.close()


async def test_behind_the_last_port_there_is_none() -> None:
    try:
        others = bind(await check({"port": 65535}))
    except PortTaken:
        others = []
    try:
        with pytest.raises(PortTaken, match=r"or choose another port$") as taken:
            bind(await check({"port": 65535}))
    finally:
        for each in others:
            each.close()
    assert taken.value.next_free is None


@pytest.mark.parametrize(
    ("platform", "port", "is_told"), [("darwin", 5000, True), ("darwin", 5002, False), ("linux", 5000, False)]
)
def test_macos_itself_may_listen_there(
    monkeypatch: pytest.MonkeyPatch, platform: str, port: int, is_told: bool
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert ("AirPlay" in str(PortTaken("127.0.0.1", port, port + 1))) == is_told
