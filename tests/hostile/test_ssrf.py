"""Hosts that clients choose: nothing private is connected to, however it is written, unless `allow-private` is set."""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from reserve_url import dial
from tests.plugins.url.test_safety import PROXY

if TYPE_CHECKING:
    from tests.hostile.conftest import Score
    from tests.plugins.url.conftest import Serve, Upstream

LOOPBACK = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0X7F000001",
    "0x7f.1", "0x7f.0.0.0x1", "017700000001", "0177.0.0.1", "0177.0x0.0.1", "127.0.0.1%00", "0", "0.0", "0.0.0.0",
    "localhost", "localhost.", "LocalHost", "%6c%6f%63%61%6c%68%6f%73%74", "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1",
    "127%E3%80%820.0.1", "%E2%93%9B%E2%93%9E%E2%93%92%E2%93%90%E2%93%9B%E2%93%97%E2%93%9E%E2%93%A2%E2%93%A3", "[::1]",
    "[::]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[::1%25lo]", "[::1%lo]",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "10.255.255.255", "167772161", "012.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "0xc0a80001", "100.64.0.1", "100.100.100.200", "169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:a9fe:a9fe]",
    "169.254.0.1", "168.63.129.16", "192.0.0.192", "198.18.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255",
    "[fd00:ec2::254]", "[fc00::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[2002:7f00:1::1]", "[2001:0:7f00:1::1]",
    "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[100::1]",
]  # fmt: skip
ODD = [
    "user@127.0.0.1", "public.example@127.0.0.1", "public.example%40127.0.0.1", "public.example:80@127.0.0.1",
    "public.example%2f@127.0.0.1", "public.example#@127.0.0.1", "public.example%23@127.0.0.1",
    "public.example%00.127.0.0.1", "127.0.0.1\\@public.example", "%5b::1%5d", "[::1", "[127.0.0.1]", "::1",
    "127.0.0.1:80:80", "", ".", "-",
]  # fmt: skip
# Names that lead to such addresses.
NAMES = {
    "loop.example": ["127.0.0.1"],
    "loop6.example": ["::1"],
    "metadata.example": ["169.254.169.254"],
    "inner.example": ["10.1.2.3", "192.168.1.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "wildcard.example": ["0.0.0.0"],
}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for a name server that an attacker keeps; it knows no other names. Numbers are read as ever."""
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in NAMES and str(host).lower().removesuffix(".") != "localhost":
            original(host, None, flags=socket.AI_NUMERICHOST)
        return [entry for each in NAMES.get(host, [host]) for entry in original(each, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that connections were opened to. Those of other machines are refused: nothing leaves this one."""
    addresses: list[str] = []
    attempt = dial._attempt

    async def attempt_here(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
        addresses.append(address[0])
        if address[0] not in ("127.0.0.1", "::1"):
            raise ConnectionRefusedError("not this machine")
        return await attempt(family, address)

    monkeypatch.setattr(dial, "_attempt", attempt_here)
    return addresses


async def test_hosts(serve: Serve, upstream: Upstream, names: None, dialled: list[str], score: Score) -> None:
    canary = await upstream()
    site = await serve({**PROXY, "connect-timeout": 2})
    statuses: Counter[int] = Counter()
    wrong = []
    hosts = [*LOOPBACK, *PRIVATE, *ODD, *NAMES]
    for host in hosts:
        for authority in (f"{host}:{canary.port}", host):
            for scheme in ("http", "https"):
                answer = await site.get(f"/proxy/{scheme}/{authority}/")
                statuses[answer.status] += 1
                # 400: no host at all; 502: this system knows no such name.
                if answer.status not in (400, 403, 502):
                    wrong.append((authority, answer.status))
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    score(
        f"{len(hosts)} hosts, each with and without a port, by http and https: {len(wrong)} let through, "
        f"{len(dialled)} connections opened ({answers})"
    )
    assert wrong == []
    assert dialled == []
    assert canary.connections == 0
    assert site.named("error") == []


async def test_addresses_of_this_machine_are_known_as_such(
    serve: Serve, names: None, dialled: list[str], score: Score
) -> None:
    """Not only unreachable: forbidden."""
    site = await serve(PROXY)
    certain = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        *PRIVATE,
        *NAMES,
    ]
    certain.remove("012.0.0.1")  # an octal form that some systems don't know
    wrong = [host for host in certain if (await site.get(f"/proxy/http/{host}/")).status != 403]
    score(f"{len(certain)} addresses and names that every system resolves: {len(wrong)} not answered with 403")
    assert wrong == []


async def test_redirects_and_permission(serve: Serve, upstream: Upstream, names: None, score: Score) -> None:
    canary = await upstream()
    locations = [f"http://{host}:{canary.port}/" for host in ("127.0.0.1", "localhost", "loop.example", "[::1]")]
    site = await serve({**PROXY, "allow-private": True, "absolute-location": True})
    followed = 0
    for status in (301, 302, 303, 307, 308):
        for location in locations:
            head = f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
            backend = await upstream(head.encode())
            answer = await site.get(f"/proxy/http/{backend.authority}/")
            followed += (answer.status, answer.headers["location"]) != (status, location)
    followed += canary.connections
    answer = await site.get(f"/proxy/http/loop.example:{canary.port}/")
    score(f"{5 * len(locations)} redirects of an upstream server to private hosts: {followed} followed")
    assert followed == 0
    assert (answer.status, canary.connections) == (200, 1), "allow-private lets them through"
