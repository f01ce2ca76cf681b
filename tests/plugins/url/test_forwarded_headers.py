"""Headers on their way up and down."""

from __future__ import annotations

import pytest

from reserve_core import Networks, Request
from reserve_url.forwarded_headers import (
    RequestFields,
    ResponseFields,
    as_bytes,
    as_text,
    claims as claims_of,
    lines,
    passed_trailers,
    relocated,
    unsecured,
    upgrade_headers,
)


def passed_on(request: Request, trusted: bool) -> list[tuple[str, str]]:
    """All that goes up of a request. `trusted`: it comes by a proxy, and 10.0.0.2 is one, too."""
    client = request.client_behind(Networks(["192.0.2.7", "10.0.0.2"] if trusted else []))
    fields = RequestFields(request.field_lines, client.proxied).fields
    return as_text(fields) + claims_of(client, request.scheme, request.host)


def up(*headers: tuple[str, str], trusted: bool = False) -> list[tuple[str, str]]:
    """What goes up of a request with these headers, without what is always added."""
    request = Request("GET", "/", headers, peer=("192.0.2.7", 1))
    added = {"forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"}
    return [(name, value) for name, value in passed_on(request, trusted) if name not in added]


def claims(*headers: tuple[str, str], trusted: bool, peer: str = "192.0.2.7", scheme: str = "http") -> dict[str, str]:
    """What goes up of who sent a request."""
    request = Request("GET", "/", headers, peer=(peer, 1) if peer else None, scheme=scheme)
    pairs = [pair for pair in passed_on(request, trusted) if "forwarded" in pair[0].lower()]
    assert len({name.lower() for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_headers_of_the_message_go_up_as_they_are() -> None:
    headers = [
        ("Accept", "a"),
        ("ACCEPT", "b"),
        ("X-Y", "\xe9"),
        ("Cookie", "a=b"),
        ("Range", "bytes=0-"),
        ("Empty", ""),
    ]
    assert up(*headers) == headers


def test_white_space_behind_a_value_stays_behind() -> None:
    fields = RequestFields(
        [(b"A", b"1 \t"), (b"Via", b"1.1 b "), (b"X-Real-IP", b"c\t"), (b"D", b"e  f")], proxied=True
    )
    assert fields.fields == [(b"A", b"1"), (b"Via", b"1.1 b"), (b"X-Real-IP", b"c"), (b"D", b"e  f")]


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Content-Length",
        "Expect",
        "HTTP2-Settings",
        "Host",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Transfer-Encoding",
        "Upgrade",
        "transfer_encoding",
    ],
)
def test_headers_of_the_connection_stay_behind(name: str) -> None:
    assert up((name, "x"), (name.lower(), "y"), (name.upper(), "z")) == []


def test_headers_that_connection_names_stay_behind() -> None:
    headers = [
        ("Connection", "close, X-One"),
        ("X-One", "1"),
        ("connection", "x-two"),
        ("x-TWO", "2"),
        ("X-Three", "3"),
    ]
    assert up(*headers) == [("X-Three", "3")]


def test_passes_are_counted() -> None:
    headers = [("Via", "1.1 reserve, 1.0 other (reserve)"), ("via", "1.1 reserve"), ("via", "")]
    fields = RequestFields(as_bytes(headers), proxied=False)
    assert (fields.passes, as_text(fields.fields)) == (2, headers)


def test_claims_are_made() -> None:
    assert claims(("Host", "site.example:81"), trusted=False, scheme="https") == {
        "forwarded": 'for=192.0.2.7;host="site.example:81";proto=https',
        "x-forwarded-for": "192.0.2.7",
        "x-forwarded-host": "site.example:81",
        "x-forwarded-proto": "https",
    }
    assert claims(("Host", "site"), trusted=False, peer="2001:db8::1") == {
        "forwarded": 'for="[2001:db8::1]";host=site;proto=http',
        "x-forwarded-for": "2001:db8::1",
        "x-forwarded-host": "site",
        "x-forwarded-proto": "http",
    }
    assert claims(trusted=False, peer="") == {"forwarded": "for=unknown;proto=http", "x-forwarded-proto": "http"}
    assert claims(("Host", 'a"\\'), trusted=False)["forwarded"] == 'for=192.0.2.7;host="a\\"\\\\";proto=http'


SPOOFED = [
    ("X-Forwarded-For", "10.0.0.1"),
    ("x-forwarded-for", "10.0.0.2"),
    ("X-Forwarded-Host", "inner.example"),
    ("X-Forwarded-Proto", "https"),
    ("Forwarded", "for=10.0.0.1"),
    ("X-Forwarded-Port", "444"),
    ("X-Forwarded-Prefix", "/x"),
    ("X-Real-IP", "10.0.0.1"),
    ("X_Forwarded_For", "10.0.0.1"),
    ("Host", "site"),
]


def test_claims_of_a_stranger_are_replaced() -> None:
    assert claims(*SPOOFED, trusted=False) == claims(("Host", "site"), trusted=False)
    assert up(*SPOOFED) == []


def test_claims_of_a_trusted_proxy_are_continued() -> None:
    assert claims(*SPOOFED, trusted=True) == {
        "forwarded": "for=10.0.0.1;host=inner.example;proto=https, for=10.0.0.2, for=192.0.2.7;host=site;proto=http",
        "x-forwarded-for": "10.0.0.1, 10.0.0.2, 192.0.2.7",
        "x-forwarded-host": "inner.example",
        "x-forwarded-proto": "https",
        "X-Forwarded-Port": "444",
        "X-Forwarded-Prefix": "/x",
    }
    assert ("X-Real-IP", "10.0.0.1") in up(*SPOOFED, trusted=True)
    assert claims(("Host", "site"), trusted=True) == claims(("Host", "site"), trusted=False)


def test_what_stands_before_the_client_of_a_proxy_is_dropped() -> None:
    """The client may have written it."""
    chain = ("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.0.0.2")
    told = claims(chain, ("Forwarded", "for=6.6.6.6"), ("Host", "site"), trusted=True)
    assert told["x-forwarded-for"] == "203.0.113.9, 10.0.0.2, 192.0.2.7"
    assert told["forwarded"] == "for=203.0.113.9;host=site;proto=http, for=10.0.0.2, for=192.0.2.7;host=site;proto=http"


def test_one_way_of_telling_is_translated_to_the_other() -> None:
    """RFC 7239 7.4."""
    told = claims(("Forwarded", 'for="[2001:db8::9]:1";proto=https;host=a.example'), ("Host", "inner"), trusted=True)
    assert told == {
        "forwarded": 'for="[2001:db8::9]";host=a.example;proto=https, for=192.0.2.7;host=inner;proto=http',
        "x-forwarded-for": "2001:db8::9, 192.0.2.7",
        "x-forwarded-host": "a.example",
        "x-forwarded-proto": "https",
    }
    # Who isn't known is the proxy, once.
    assert claims(("Forwarded", "for=unknown"), trusted=True)["x-forwarded-for"] == "192.0.2.7"


@pytest.mark.parametrize("kind", ["x-forwarded-", "forwarded"])
@pytest.mark.parametrize("chain", ["203.0.113.9", "2001:db8::9", "6.6.6.6, 203.0.113.9, 10.0.0.2, fd00::3"])
@pytest.mark.parametrize("host", ["a.example", "a.example:81", "[::1]:81"])
def test_the_next_server_of_ours_knows_the_same_client(kind: str, chain: str, host: str) -> None:
    networks = Networks(["192.0.2.7", "10.0.0.0/8", "fd00::/8"])
    headers = {"Host": "inner", "X-Forwarded-For": chain, "X-Forwarded-Proto": "https", "X-Forwarded-Host": host}
    request = Request("GET", "/", headers, peer=("192.0.2.7", 1))
    client = request.client_behind(networks)
    told = [(name, value) for name, value in claims_of(client, request.scheme, request.host) if name.startswith(kind)]
    there = Request("GET", "/", [("Host", "upstream"), *told], peer=("10.0.0.9", 1)).client_behind(networks)
    assert there == client._replace(via=(*client.via, "10.0.0.9"))
    assert client.host == host


def test_claims_can_not_be_taken_away() -> None:
    """`Connection` names headers of the client's; those of this server go up all the same."""
    named = ("Connection", "x-forwarded-for, forwarded, via")
    assert claims(named, ("Host", "site"), trusted=False) == claims(("Host", "site"), trusted=False)


def test_trailers_that_may_follow_a_body() -> None:
    assert passed_trailers([]) == []
    refused = ["Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Authorization", "X-Forwarded-For"]
    refused += ["Cookie", "Set-Cookie", "Location", "Connection", "content_length"]
    kept = [(b"X-Sum", b"1"), (b"Content-Digest", b"sha-256=:x:"), (b"Via", b"1.1 a"), (b"X-Sum", b"2")]
    assert passed_trailers([*kept, *((name.encode(), b"x") for name in refused)]) == kept


def test_a_response_s_headers_go_down_as_they_are() -> None:
    fields = [
        (b"Server", b"s"),
        (b"Set-Cookie", b"a=b"),
        (b"set-cookie", b"c=d"),
        (b"X-Y", b"\xe9"),
        (b"Content-Length", b"5"),
    ]
    passed = ResponseFields(fields)
    assert (passed.fields, passed.length, passed.framed, passed.naming) == (fields, 5, True, True)


def test_a_response_s_headers_of_the_connection_stay_behind() -> None:
    fields = [
        (b"Connection", b"keep-alive, X-One"),
        (b"Keep-Alive", b"timeout=5"),
        (b"X-One", b"1"),
        (b"Upgrade", b"h2c"),
    ]
    fields += [
        (b"Transfer-Encoding", b"chunked"),
        (b"Proxy-Authenticate", b"Basic"),
        (b"X-Two", b"2"),
    ]
    passed = ResponseFields(fields)
    assert (passed.fields, passed.codings, passed.protocol) == ([(b"X-Two", b"2")], [b"chunked"], b"h2c")
    assert sorted(passed.options) == [b"keep-alive", b"x-one"]
    assert (passed.length, passed.naming) == (None, False)


@pytest.mark.parametrize("name", [b"content-length", b"Connection", b"upgrade", b"Transfer-Encoding"])
def test_what_says_something_of_framing(name: bytes) -> None:
    assert ResponseFields([(b"x", b"1"), (name, b"0")]).framed
    assert not ResponseFields([(b"x", b"1")]).framed


def test_protocols_to_switch_to() -> None:
    assert upgrade_headers([(b"Upgrade", b"a"), (b"upgrade", b"b")]) == [
        (b"upgrade", b"a, b"),
        (b"connection", b"Upgrade"),
    ]
    assert upgrade_headers([(b"X", b"a")]) == []


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\r\n"])
def test_no_value_breaks_a_head(value: str) -> None:
    with pytest.raises(ValueError, match="RFC 9110"):
        lines([(b"x", value.encode())])


def test_lines() -> None:
    fields = [(b"a", b"\xe9"), (b"b", b"")]
    assert lines(fields, b"GET / HTTP/1.1\r\n") == b"GET / HTTP/1.1\r\na: \xe9\r\nb: \r\n"


@pytest.mark.parametrize(
    ("cookie", "unsecure"),
    [
        ("a=b; Secure", "a=b"),
        ("a=b; secure; Path=/; HttpOnly", "a=b; Path=/; HttpOnly"),
        ("a=b; SameSite=None; Secure", "a=b; SameSite=Lax"),
        ("a=b; samesite = none", "a=b; SameSite=Lax"),
        ("a=b; SameSite=Strict; Secure", "a=b; SameSite=Strict"),
        ("secure=secure; Path=/secure", "secure=secure; Path=/secure"),
        ("a=b", "a=b"),
    ],
)
def test_cookies_for_plain_http(cookie: str, unsecure: str) -> None:
    assert unsecured([("Set-Cookie", cookie), ("X", cookie)]) == [("Set-Cookie", unsecure), ("X", cookie)]


@pytest.mark.parametrize(
    ("location", "absolute"),
    [
        ("/login", "http://h:1/login"),
        ("login?x", "http://h:1/a/login?x"),
        ("//other/x", "http://other/x"),
        ("https://other/", "https://other/"),
        ("", "http://h:1/a/b?c"),
    ],
)
def test_absolute_locations(location: str, absolute: str) -> None:
    assert relocated([("location", location), ("x", location)], "http://h:1/a/b?c") == [
        ("location", absolute),
        ("x", location),
    ]
