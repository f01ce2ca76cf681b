"""Who the client of a request is, behind proxies that are trusted and against those who would like to be another."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import aiohttp
import pytest
from hypothesis import given, strategies as st

from reserve_core import Client, Event, Networks, Request, Response, mock, serve
from reserve_core.http.target import is_host
from tests.kit.waiting import PATIENCE

PROXY = "10.0.0.1"
TRUSTED = Networks(["10.0.0.0/8", "fd00::/8"])
PAIRS = list[tuple[str, str]]
Way = tuple[Client, list[tuple[str, str, str]]]


def client(*headers: tuple[str, str], peer: str = PROXY) -> Client:
    request = Request("GET", "/", [("Host", "inner:5000"), *headers], peer=(peer, 4711) if peer else None)
    return request.client_behind(TRUSTED)


def of(address: str, scheme: str = "http", host: str = "inner:5000", *via: str) -> Client:
    return Client(address, scheme, host, True, via)


X_FORWARDED = [
    ("X-Forwarded-For", "203.0.113.9"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "site.example"),
]


@pytest.mark.parametrize("peer", ["203.0.113.1", "11.0.0.1", "::ffff:11.0.0.1", "fe80::1%eth0", ""])
def test_a_stranger_is_not_believed(peer: str) -> None:
    forwarded = ("Forwarded", "for=203.0.113.9;proto=https;host=site.example")
    assert client(*X_FORWARDED, forwarded, peer=peer) == Client(peer, "http", "inner:5000")


@pytest.mark.parametrize("peer", [PROXY, "::ffff:10.0.0.1", "fd00::7"])
def test_a_trusted_proxy_is(peer: str) -> None:
    expected = of("203.0.113.9", "https", "site.example", peer)
    assert client(*X_FORWARDED, peer=peer) == expected
    assert client(("forwarded", "for=203.0.113.9;proto=https;host=site.example"), peer=peer) == expected


def test_a_trusted_proxy_that_says_nothing_is_the_client() -> None:
    assert client() == of(PROXY)


def test_what_is_not_said_is_as_the_connection_has_it() -> None:
    assert client(("X-Forwarded-For", "203.0.113.9")) == of("203.0.113.9", "http", "inner:5000", PROXY)
    assert client(("X-Forwarded-Proto", "https")) == of(PROXY, "https")
    assert client(("X-Forwarded-Host", "a.example")) == of(PROXY, "http", "a.example")
    assert client(("Forwarded", "host=a.example;proto=https")) == of(PROXY, "https", "a.example")


# The value of X-Forwarded-For, the client's address, the proxies between.
CHAINS = [
    ("203.0.113.9", "203.0.113.9", [PROXY]),
    ("6.6.6.6, 203.0.113.9", "203.0.113.9", [PROXY]),
    ("10.6.6.6, 203.0.113.9", "203.0.113.9", [PROXY]),
    ("203.0.113.9, 10.0.0.3, fd00::2", "203.0.113.9", ["10.0.0.3", "fd00::2", PROXY]),
    ("6.6.6.6,203.0.113.9,10.0.0.2", "203.0.113.9", ["10.0.0.2", PROXY]),
    ("10.0.0.3, 10.0.0.2", "10.0.0.3", ["10.0.0.2", PROXY]),
    ("203.0.113.9:4711", "203.0.113.9", [PROXY]),
    ("2001:DB8::0009", "2001:db8::9", [PROXY]),
    ("[2001:db8::9]", "2001:db8::9", [PROXY]),
    ("[2001:db8::9]:4711", "2001:db8::9", [PROXY]),
    ("203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9", ["10.0.0.2", PROXY]),
    (" , 203.0.113.9 ,\t,", "203.0.113.9", [PROXY]),
    # Malformed, or hidden: then it's the hop before.
    ("", PROXY, []),
    ("unknown", PROXY, []),
    ("_secret", PROXY, []),
    ("localhost", PROXY, []),
    ("203.0.113.9, unknown", PROXY, []),
    ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2", [PROXY]),
    ("203.0.113.999", PROXY, []),
    ("203.0.113.9:port", PROXY, []),
    ("[203.0.113.9]x", PROXY, []),
    ("[2001:db8::9", PROXY, []),
    ("fe80::1%<script>", PROXY, []),
    ("203.0.113.9 10.0.0.2", PROXY, []),
    (f"{'0' * 1000}203.0.113.9", PROXY, []),
    ("٢٠٣.0.113.9".encode().decode("latin-1"), PROXY, []),
]


@pytest.mark.parametrize(("chain", "address", "via"), CHAINS)
def test_the_client_is_the_nearest_hop_that_is_no_proxy(chain: str, address: str, via: list[str]) -> None:
    assert client(("X-Forwarded-For", chain)) == of(address, "http", "inner:5000", *via)
    # In lines of their own (RFC 9110 5.3).
    assert client(*(("X-Forwarded-For", line) for line in chain.split(","))).address == address


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        *(("https", "https"), ("HTTPS", "https"), ("wss", "https"), ("ws", "http"), ("http", "http")),
        *(("javascript", "http"), ("https http", "http"), ("https, http", "http"), ("x, https", "https")),
    ],
)
def test_the_scheme(value: str, scheme: str) -> None:
    assert client(X_FORWARDED[0], ("X-Forwarded-Proto", value)).scheme == scheme


@pytest.mark.parametrize(
    ("value", "host"),
    [
        *(("a.example", "a.example"), ("a.example:81", "a.example:81"), ("[::1]:81", "[::1]:81")),
        *(("evil.example, a.example", "a.example"), ("a.example,", "a.example")),
        *(("a b", "inner:5000"), ("a.example/x", "inner:5000"), ("u@a.example", "inner:5000")),
        *(("a.example:99999", "inner:5000"), ("[::g]", "inner:5000"), ("m\xfcn.example", "inner:5000")),
    ],
)
def test_the_host(value: str, host: str) -> None:
    assert client(X_FORWARDED[0], ("X-Forwarded-Host", value)).host == host


def test_of_several_proxies_the_one_that_the_client_reached_says_what_it_had() -> None:
    chain = ("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.0.0.2")
    told = [("X-Forwarded-Proto", "ws, https, http"), ("X-Forwarded-Host", "evil.example, site.example, middle")]
    assert client(chain, *told) == of("203.0.113.9", "https", "site.example", "10.0.0.2", PROXY)
    # One value for all of them is that of the nearest, which has kept it.
    assert client(chain, *X_FORWARDED[1:]) == of("203.0.113.9", "https", "site.example", "10.0.0.2", PROXY)


# The value of Forwarded, and the client.
FORWARDED = [
    ("for=203.0.113.9", of("203.0.113.9", "http", "inner:5000", PROXY)),
    ('FOR="203.0.113.9:4711";Proto=HTTPS', of("203.0.113.9", "https", "inner:5000", PROXY)),
    ('for="[2001:db8::9]:4711"', of("2001:db8::9", "http", "inner:5000", PROXY)),
    ('for="[2001:db8::9]"', of("2001:db8::9", "http", "inner:5000", PROXY)),
    ('for="203.0.113.9:_port"', of("203.0.113.9", "http", "inner:5000", PROXY)),
    ('by=_me;for=203.0.113.9;host="a.example:81"', of("203.0.113.9", "http", "a.example:81", PROXY)),
    (r'for="203.0\.113.9";host="a\.example"', of("203.0.113.9", "http", "a.example", PROXY)),
    (";for=203.0.113.9 ; ; proto=https;", of("203.0.113.9", "https", "inner:5000", PROXY)),
    ("for=6.6.6.6;host=evil.example, for=203.0.113.9", of("203.0.113.9", "http", "inner:5000", PROXY)),
    ("for=10.6.6.6, , for=203.0.113.9,", of("203.0.113.9", "http", "inner:5000", PROXY)),
    (
        "for=203.0.113.9;proto=https;host=a.example, for=10.0.0.2;proto=http;host=middle",
        of("203.0.113.9", "https", "a.example", "10.0.0.2", PROXY),
    ),
    ("for=unknown;proto=https", of(PROXY, "https")),
    ("for=_hidden;host=a.example", of(PROXY, "http", "a.example")),
    ("for=203.0.113.9, for=unknown", of(PROXY)),
    ('for="_x, for=6.6.6.6";proto=https', of(PROXY, "https")),
    ('ext="a, for=6.6.6.6;b=\\"c";for=203.0.113.9', of("203.0.113.9", "http", "inner:5000", PROXY)),
    ('for=203.0.113.9;host="a\\", for=6.6.6.6;host=\\"b"', of("203.0.113.9", "http", "inner:5000", PROXY)),
    # What the client has left open takes nothing from what the proxy says.
    ('for="6.6.6.6, for=203.0.113.9;proto=https', of("203.0.113.9", "https", "inner:5000", PROXY)),
    ('for="\\, for=203.0.113.9;host="a.example"', of("203.0.113.9", "http", "a.example", PROXY)),
    ("for=203.0.113.9;;=, for=10.0.0.2", of("10.0.0.2", "http", "inner:5000", PROXY)),
    # Malformed.
    ("", of(PROXY)),
    ("203.0.113.9", of(PROXY)),
    ("for = 203.0.113.9", of(PROXY)),
    ("for=2001:db8::9", of(PROXY)),
    ('for="203.0.113.9', of(PROXY)),
    ("for=203.0.113.9 proto=https", of(PROXY)),
    ("for='203.0.113.9'", of(PROXY)),
    ("for=203.0.113.9;host=a b", of(PROXY)),
    ('for=203.0.113.9;host="a b"', of("203.0.113.9", "http", "inner:5000", PROXY)),
    ("for=203.0.113.9;proto=ftp", of("203.0.113.9", "http", "inner:5000", PROXY)),
]


@pytest.mark.parametrize(("forwarded", "expected"), FORWARDED)
def test_forwarded(forwarded: str, expected: Client) -> None:
    assert client(("Forwarded", forwarded)) == expected


def test_forwarded_in_several_lines() -> None:
    lines = [("Forwarded", 'for="'), ("Forwarded", "for=203.0.113.9"), ("Forwarded", "for=10.0.0.2")]
    assert client(*lines) == of("203.0.113.9", "http", "inner:5000", "10.0.0.2", PROXY)


@pytest.mark.parametrize("header", X_FORWARDED)
def test_beside_x_forwarded_a_forwarded_does_not_count(header: tuple[str, str]) -> None:
    """A proxy that writes X-Forwarded-* lets a Forwarded of the client's pass."""
    made_up = ("Forwarded", "for=10.0.0.7;proto=https;host=evil.example")
    assert client(header, made_up) == client(header)


# By construction, the oracle is the list of hops that the headers are made of.

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
STRANGERS = ADDRESSES.filter(lambda text: text not in TRUSTED and "%" not in text and "ffff:" not in text)
PROXIES = st.one_of(
    st.integers(0, 2**24 - 1).map(lambda number: str(IPv4Address("10.0.0.0") + number)),
    st.integers(0, 2**64).map(lambda number: str(IPv6Address("fd00::") + number)),
)
HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,8}(\.[a-z]{2,5})?(:[1-9][0-9]{0,3})?", fullmatch=True)
SCHEMES = st.sampled_from(["http", "https"])
SAID = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
CALLED = st.tuples(SCHEMES, HOSTS)


@st.composite
def ways(draw: st.DrawFn) -> Way:
    """A client, and what each proxy on the way has noted of the request it got."""
    proxies = draw(st.lists(PROXIES, min_size=1, max_size=4))
    stranger = draw(STRANGERS)
    noted = [(sender, *draw(CALLED)) for sender in (stranger, *proxies[:-1])]
    return Client(stranger, noted[0][1], noted[0][2], True, tuple(proxies)), noted


@given(ways(), st.lists(SAID.filter(lambda text: "," not in text and text.strip(" \t"))), st.booleans())
def test_x_forwarded_of_any_way(way: Way, made_up: list[str], in_lines: bool) -> None:
    expected, noted = way
    headers = PAIRS()
    for name, values in zip(("For", "Proto", "Host"), zip(*noted, strict=True), strict=True):
        members = [*made_up, *values]
        lines = members if in_lines else [", ".join(members)]
        headers += [(f"X-Forwarded-{name}", line) for line in lines]
    assert client(*headers, peer=expected.via[-1]) == expected


@given(ways(), SAID, st.data())
def test_forwarded_of_any_way(way: Way, made_up: str, data: st.DataObject) -> None:
    expected, noted = way
    elements = [made_up]
    for sender, scheme, host in noted:
        node = f'"[{sender}]"' if ":" in sender else sender
        pairs = [f"for={node}", f"proto={scheme}", f'host="{host}"', 'ext="a, b"']
        elements.append(";".join(data.draw(st.permutations(pairs))))
    assert client(("Forwarded", ", ".join(elements)), peer=expected.via[-1]) == expected


@given(st.lists(st.tuples(st.sampled_from(["Forwarded", *(name for name, _ in X_FORWARDED)]), SAID)))
def test_whatever_is_said_a_client_is_one(headers: PAIRS) -> None:
    found = client(*headers)
    ip_address(found.address)
    assert found.scheme in ("http", "https")
    assert is_host(found.host.encode("latin-1"))


# Where a request has it from.


def tell(request: Request, response: Response) -> None:
    response.send([request.client, request.peer, request.scheme, request.host])


TELLING = [{"custom": tell}]


async def told(configuration: dict[str, Any]) -> Any:
    async with await mock(configuration) as site:
        return (await site.request("GET", "/", dict(X_FORWARDED))).json()


async def test_the_mock_knows_whom_the_configuration_trusts() -> None:
    connection = [["127.0.0.1", 0], "http", "localhost"]
    assert await told({"mappings": TELLING}) == [["127.0.0.1", "http", "localhost", False, []], *connection]
    client = ["203.0.113.9", "https", "site.example", True, ["127.0.0.1"]]
    assert await told({"trusted-proxies": ["127.0.0.0/8"], "mappings": TELLING}) == [client, *connection]
    assert (await told({"trusted-proxies": ["10.0.0.0/8"], "mappings": TELLING}))[0][0] == "127.0.0.1"


async def test_a_websocket_is_for_pages_of_the_client_s_host() -> None:
    async def chat(request: Request, response: Response) -> None:
        await request.upgrade()

    site = {"trusted-proxies": ["127.0.0.1"], "mappings": [{"custom": chat}]}
    asked = {"X-Forwarded-Host": "site.example", "X-Forwarded-Proto": "https"}
    async with await serve({**site, "port": 0}) as server, aiohttp.ClientSession() as session:
        async with session.ws_connect(server.url, headers=asked, origin="https://site.example"):
            pass
        for origin in ("https://evil.example", f"http://127.0.0.1:{server.port}"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(server.url, headers=asked, origin=origin)


def test_a_request_by_itself_trusts_nobody() -> None:
    request = Request("GET", "/", X_FORWARDED)
    assert request.client == Client("", "http", "")
    assert Request("GET", "/", X_FORWARDED, peer=("127.0.0.1", 1)).client.address == "127.0.0.1"


async def test_a_server_s_clients_its_listeners_and_its_reloads() -> None:
    trusting = {"port": 0, "trusted-proxies": ["127.0.0.1"], "mappings": TELLING}
    async with await serve(trusting) as server:
        seen: list[str] = []

        def note(event: Event) -> None:
            assert event.request is not None
            seen.append(f"{event.name} {event.request.client.address}")

        for name in ("incoming", "redirected", "refused"):
            server.on(name, note)
        head = b"GET / HTTP/1.0\r\nX-Forwarded-For: 203.0.113.9\r\n"

        async def ask(rest: bytes = b"\r\n") -> bytes:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(head + rest)
                response = await reader.read()
                writer.close()
                return response

        assert b'["203.0.113.9","http",""' in await ask()
        assert b"400 Bad Request" in await ask(b"Host: a b\r\n\r\n")
        assert seen == ["incoming 203.0.113.9", "redirected 203.0.113.9", "refused 203.0.113.9"]
        await server.configuration.set_mappings(TELLING)
        assert b'["203.0.113.9"' in await ask()
        await server.reload({**trusting, "trusted-proxies": []})
        assert b'["127.0.0.1"' in await ask()
        await server.reload(trusting)
        assert b'["203.0.113.9"' in await ask()
