"""What the connection takes for a request, byte by byte: one table, each row with the rule behind it.

A request behind each row shows where the server believes that the row ends: where two servers in a chain
disagree on that, requests can be smuggled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from hypothesis import HealthCheck, given, settings, strategies as st

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.http.conftest import Serve, Site
    from tests.kit.wire import WireResponse

pytestmark = pytest.mark.no_cover

Seen = tuple[str, str, bytes]

HOST = b"Host: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Refused(NamedTuple):
    """A row that must be answered once, with one of `statuses`, and reach no handler."""

    name: str
    rule: str
    data: bytes
    statuses: tuple[int, ...] = (400,)


class Accepted(NamedTuple):
    """A row that handlers must see as `requests`, and after which the connection goes on unless it `closes`."""

    name: str
    rule: str
    data: bytes
    requests: list[Seen]
    closes: bool = False


def line(first: bytes, headers: bytes = HOST) -> bytes:
    return first + b"\r\n" + headers + b"\r\n"


def get(headers: bytes = HOST, target: bytes = b"/", version: bytes = b"1.1") -> bytes:
    return line(b"GET " + target + b" HTTP/" + version, headers)


def post(headers: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return line(b"POST / HTTP/" + version, HOST + headers) + body


def chunked(body: bytes) -> bytes:
    return post(CHUNKED, body)


REFUSED = [
    # The request line.
    Refused("http-0.9", "9112 2.3", b"GET /\r\n", (400, 505)),
    Refused("no-version", "9112 3", line(b"GET /"), (400, 505)),
    Refused("space-after-version", "9112 3", line(b"GET / HTTP/1.1 ")),
    Refused("tab-before-target", "9112 3", line(b"GET\t/ HTTP/1.1")),
    Refused("tab-before-version", "9112 3", line(b"GET /\tHTTP/1.1")),
    Refused("space-before-method", "9112 2.2", line(b" GET / HTTP/1.1")),
    Refused("space-in-target", "9112 3.2", line(b"GET /a b HTTP/1.1")),
    Refused("words-after-version", "9112 3", line(b"GET / HTTP/1.1 HTTP/1.1")),
    Refused("no-target", "9112 3", line(b"GET HTTP/1.1")),
    Refused("empty-target", "9112 3", line(b"GET  HTTP/1.1")),
    Refused("no-method", "9112 3", line(b"/ HTTP/1.1")),
    Refused("lower-case-method", "9110 9.1", line(b"get / HTTP/1.1"), (501,)),
    Refused("mixed-case-method", "9110 9.1", line(b"Get / HTTP/1.1"), (501,)),
    Refused("long-method", "9112 3", line(b"X" * 33 + b" / HTTP/1.1"), (501,)),
    Refused("method-no-token", "9110 9.1", line(b"G(T / HTTP/1.1")),
    Refused("method-nul", "9110 9.1", line(b"GE\0T / HTTP/1.1")),
    Refused("lower-case-protocol", "9112 2.3", line(b"GET / http/1.1")),
    Refused("other-protocol", "9112 2.3", line(b"GET / HTTQ/1.1")),
    Refused("rtsp-method", "9112 2.3", line(b"DESCRIBE / RTSP/1.0"), (400, 501)),
    Refused("icecast", "9112 2.3", line(b"SOURCE / ICE/1.0"), (400, 501)),
    Refused("version-space", "9112 2.3", line(b"GET / HTTP/ 1.1")),
    Refused("version-comma", "9112 2.3", line(b"GET / HTTP/1,1")),
    Refused("version-no-minor", "9112 2.3", line(b"GET / HTTP/1")),
    Refused("version-no-minor-digit", "9112 2.3", line(b"GET / HTTP/1.")),
    Refused("version-leading-zero", "9112 2.3", line(b"GET / HTTP/01.1")),
    Refused("version-long-minor", "9112 2.3", line(b"GET / HTTP/1.10")),
    Refused("version-trailing-byte", "9112 2.3", line(b"GET / HTTP/1.1x")),
    Refused("version-0.9", "9110 15.6.6", line(b"GET / HTTP/0.9"), (400, 505)),
    Refused("version-2.0", "9110 15.6.6", line(b"GET / HTTP/2.0"), (400, 505)),
    Refused("version-3.0", "9110 15.6.6", line(b"GET / HTTP/3.0"), (400, 505)),
    Refused("http2-preface", "9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    Refused("tls-hello", "9112 3", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64)),
    Refused("bare-lf-after-request-line", "9112 2.2", b"GET / HTTP/1.1\nHost: localhost\r\n\r\n"),
    Refused("bare-cr-after-request-line", "9112 2.2", b"GET / HTTP/1.1\rHost: localhost\r\n\r\n"),
    Refused("bare-cr-in-target", "9112 2.2", line(b"GET /a\rb HTTP/1.1")),
    # The target.
    Refused("target-nul", "9112 3.2", get(target=b"/a\0b")),
    Refused("target-tab", "9112 3.2", get(target=b"/a\tb")),
    Refused("target-form-feed", "9112 3.2", get(target=b"/a\x0cb")),
    Refused("target-escape", "9112 3.2", get(target=b"/a\x1bb")),
    Refused("target-del", "9112 3.2", get(target=b"/a\x7fb")),
    Refused("target-utf-8", "9112 3.2", get(target="/é".encode())),
    Refused("target-latin-1", "9112 3.2", get(target=b"/\xe9")),
    Refused("target-fragment", "9112 3.2", get(target=b"/a#b")),
    Refused("target-fragment-in-query", "9112 3.2", get(target=b"/a?b#c")),
    Refused("target-get-asterisk", "9112 3.2.4", get(target=b"*")),
    Refused("target-authority", "9112 3.2.3", get(target=b"localhost:80")),
    Refused("connect", "9110 9.3.6", line(b"CONNECT localhost:80 HTTP/1.1")),
    Refused("connect-path", "9110 9.3.6", line(b"CONNECT / HTTP/1.1")),
    Refused("connect-length", "9110 9.3.6", line(b"CONNECT localhost:80 HTTP/1.1", HOST + b"Content-Length: 3\r\n")),
    Refused("target-relative", "9112 3.2.1", get(target=b"a")),
    Refused("target-at", "9112 3.2.1", get(target=b"@evil/x")),
    Refused("target-port", "9112 3.2.1", get(target=b":1234/x")),
    Refused("target-dot", "9112 3.2.1", get(target=b".evil/")),
    Refused("target-backslashes", "9112 3.2.1", get(target=b"\\\\evil\\x")),
    Refused("target-scheme", "9112 3.2.1", get(target=b"foo:bar")),
    Refused("target-query", "9112 3.2.1", get(target=b"?x")),
    Refused("absolute-other-host", "9112 3.2.2", get(target=b"http://evil/x")),
    Refused("absolute-other-port", "9112 3.2.2", get(target=b"http://localhost:81/x")),
    Refused("absolute-other-scheme", "9110 4.2.2", get(target=b"https://localhost/x")),
    Refused("absolute-user", "9110 4.2.4", get(target=b"http://me@localhost/x")),
    Refused("absolute-host-as-user", "9110 4.2.4", get(target=b"http://localhost@evil/x")),
    Refused("absolute-ftp", "9112 3.2.2", get(target=b"ftp://localhost/x")),
    Refused("absolute-one-slash", "9112 3.2.2", get(target=b"http:/localhost/x")),
    Refused("absolute-no-host", "9110 4.2.1", get(b"Host:\r\n", b"http:///x")),
    Refused("absolute-fragment", "9112 3.2", get(target=b"http://localhost#@evil/")),
    Refused("percent-nul", "reserve", get(target=b"/a%00")),
    Refused("percent-lf", "reserve", get(target=b"/a%0ab")),
    Refused("percent-cr", "reserve", get(target=b"/a%0Db")),
    Refused("percent-del", "reserve", get(target=b"/a%7f")),
    Refused("percent-not-hex", "3986 2.1", get(target=b"/a%zz")),
    Refused("percent-cut", "3986 2.1", get(target=b"/a%4")),
    Refused("percent-not-hex-in-query", "3986 2.1", get(target=b"/a?b=%zz")),
    # Host.
    Refused("host-missing", "9112 3.2", get(b"Accept: a\r\n")),
    Refused("host-twice-same", "9112 3.2", get(HOST + HOST)),
    Refused("host-twice-other", "9112 3.2", get(HOST + b"Host: evil\r\n")),
    Refused("host-missing-absolute", "9112 3.2", get(b"Accept: a\r\n", b"http://localhost/")),
    *(
        Refused(f"host-{name}", "9110 7.2", get(b"Host: " + value + b"\r\n"))
        for name, value in {
            "space": b"a b",
            "path": b"a/b",
            "query": b"a?b",
            "fragment": b"a#b",
            "user": b"me@a",
            "port-word": b"a:b",
            "port-large": b"a:65536",
            "two-ports": b"a:1:2",
            "dot": b".",
            "dot-port": b".:80",
            "empty-first-label": b".a.b",
            "empty-first-labels": b"..a.b",
            "empty-label": b"a..b",
            "empty-last-labels": b"a.b..",
            "open-bracket": b"[::1",
            "brackets-dot": b"[.]",
            "brackets-colons": b"[:::]",
            "brackets-ipv4": b"[127.0.0.1]",
            "no-brackets": b"::1",
            "latin-1": b"a\xe9",
            "quote": b'"a"',
            "backslash": b"a\\b",
        }.items()
    ),
    # Header lines.
    Refused("header-space-before-colon", "9112 5.1", get(HOST + b"X : a\r\n")),
    Refused("header-tab-before-colon", "9112 5.1", get(HOST + b"X\t: a\r\n")),
    Refused("host-space-before-colon", "9112 5.1", get(b"Host : localhost\r\n")),
    Refused("length-space-before-colon", "9112 5.1", post(b"Content-Length : 5\r\n", b"abcde")),
    Refused("first-header-space", "9112 2.2", get(b" X: a\r\n" + HOST)),
    Refused("obs-fold-space", "9112 5.2", get(HOST + b"X: a\r\n b\r\n")),
    Refused("obs-fold-tab", "9112 5.2", get(HOST + b"X: a\r\n\tb\r\n")),
    Refused("obs-fold-empty", "9112 5.2", get(HOST + b"X:\r\n b\r\n")),
    Refused("obs-fold-coding", "9112 5.2", post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n")),
    Refused("obs-fold-last", "9112 5.2", get(HOST + b" \r\n")),
    Refused("header-no-colon", "9112 5", get(HOST + b"X\r\n")),
    Refused("header-no-name", "9112 5", get(HOST + b": a\r\n")),
    Refused("header-name-space", "9110 5.1", get(HOST + b"X y: a\r\n")),
    Refused("header-name-nul", "9110 5.1", get(HOST + b"X\0: a\r\n")),
    Refused("header-name-parenthesis", "9110 5.1", get(HOST + b"X(: a\r\n")),
    Refused("header-name-slash", "9110 5.1", get(HOST + b"X/y: a\r\n")),
    Refused("header-name-utf-8", "9110 5.1", get(HOST + b"X\xc3\xa9: a\r\n")),
    Refused("header-name-escape", "9110 5.1", get(HOST + b"X\x1b: a\r\n")),
    Refused("header-value-nul", "9110 5.5", get(HOST + b"X: a\0b\r\n")),
    Refused("header-value-cr", "9110 5.5", get(HOST + b"X: a\rb\r\n")),
    Refused("header-value-cr-end", "9110 5.5", get(HOST + b"X: a\r\r\n")),
    Refused("header-value-lf", "9112 2.2", get(HOST + b"X: a\nY: b\r\n")),
    Refused("header-block-lf", "9112 2.2", b"GET / HTTP/1.1\r\nHost: localhost\r\n\n"),
    Refused("header-block-cr", "9112 2.2", b"GET / HTTP/1.1\r\nHost: localhost\r\n\rX"),
    Refused("header-only-lf", "9112 2.2", b"GET / HTTP/1.1\nHost: localhost\n\n"),
    # Content-Length.
    Refused("length-and-chunked", "9112 6.1", post(b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n")),
    Refused("chunked-and-length", "9112 6.1", post(CHUNKED + b"Content-Length: 5\r\n", b"0\r\n\r\n")),
    Refused("length-zero-and-chunked", "9112 6.1", post(b"Content-Length: 0\r\n" + CHUNKED, b"0\r\n\r\n")),
    Refused("length-twice-other", "9112 6.3", post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"abcdef")),
    Refused("length-twice-same", "9112 6.3", post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"abcde")),
    *(
        Refused(f"length-{name}", "9110 8.6", post(b"Content-Length: " + value + b"\r\n", b"abcde"))
        for name, value in {
            "list-same": b"5, 5",
            "list-other": b"5, 6",
            "list-empty": b"5,",
            "empty": b"",
            "plus": b"+5",
            "minus": b"-5",
            "hex": b"0x5",
            "word": b"five",
            "decimal": b"5.0",
            "exponent": b"5e0",
            "underscore": b"0_5",
            "two-words": b"5 5",
            "parameter": b"5;a",
            "quoted": b'"5"',
            "vertical-tab": b"\x0b5",
            "form-feed": b"5\x0c",
            "nul": b"5\0",
            "other-digits": "\N{ARABIC-INDIC DIGIT FIVE}".encode(),
        }.items()
    ),
    *(
        Refused(f"length-{name}", "9110 8.6", post(b"Content-Length: " + value + b"\r\n", b"abcde"), (400, 413))
        for name, value in {
            "2-to-the-63": b"9223372036854775808",
            "2-to-the-64-and-5": b"18446744073709551621",
            "40-digits": b"1" * 40,
        }.items()
    ),
    # Transfer-Encoding.
    Refused("coding-in-1.0", "9112 6.1", post(CHUNKED, b"0\r\n\r\n", b"1.0")),
    Refused(
        "coding-in-1.0-keep-alive", "9112 6.1", post(CHUNKED + b"Connection: keep-alive\r\n", b"0\r\n\r\n", b"1.0")
    ),
    Refused("coding-twice", "9112 7.1", post(CHUNKED + CHUNKED, b"0\r\n\r\n"), (400, 501)),
    Refused("coding-and-other", "9112 6.1", post(CHUNKED + b"Transfer-Encoding: x\r\n", b"0\r\n\r\n"), (400, 501)),
    Refused("coding-other-and", "9112 6.1", post(b"Transfer-Encoding: x\r\n" + CHUNKED, b"0\r\n\r\n"), (400, 501)),
    *(
        Refused(f"coding-{name}", "9112 6.1", post(b"Transfer-Encoding: " + value + b"\r\n", b"0\r\n\r\n"), (400, 501))
        for name, value in {
            "empty": b"",
            "unknown": b"x",
            "identity": b"identity",
            "gzip": b"gzip",
            "gzip-chunked": b"gzip, chunked",
            "chunked-gzip": b"chunked, gzip",
            "chunked-chunked": b"chunked, chunked",
            "chunked-identity": b"chunked, identity",
            "prefix": b"xchunked",
            "suffix": b"chunkedx",
            "quoted": b'"chunked"',
            "parameter": b"chunked;q=1",
            "vertical-tab": b"\x0bchunked",
            "form-feed": b"chunked\x0c",
            "nul": b"chunked\0",
            "no-break-space": b"\xa0chunked",
            "two-words": b"chunked x",
            "comma-before": b", chunked",
            "comma-after": b"chunked,",
        }.items()
    ),
    # Chunks.
    *(
        Refused(f"chunk-{name}", "9112 7.1", chunked(body))
        for name, body in {
            "size-empty": b"\r\nabcde\r\n0\r\n\r\n",
            "size-0x": b"0x5\r\nabcde\r\n0\r\n\r\n",
            "size-plus": b"+5\r\nabcde\r\n0\r\n\r\n",
            "size-minus": b"-5\r\nabcde\r\n0\r\n\r\n",
            "size-word": b"g\r\nabcde\r\n0\r\n\r\n",
            "size-underscore": b"0_5\r\nabcde\r\n0\r\n\r\n",
            "size-space-before": b" 5\r\nabcde\r\n0\r\n\r\n",
            "size-nul": b"5\0\r\nabcde\r\n0\r\n\r\n",
            "size-2-to-the-64-and-5": b"10000000000000005\r\nabcde\r\n0\r\n\r\n",
            "size-lf": b"5\nabcde\r\n0\r\n\r\n",
            "size-cr": b"5\rabcde\r\n0\r\n\r\n",
            "data-short": b"5\r\nabc\r\n0\r\n\r\n",
            "data-long": b"5\r\nabcdefg\r\n0\r\n\r\n",
            "data-lf": b"5\r\nabcde\n0\r\n\r\n",
            "data-cr": b"5\r\nabcde\r0\r\n\r\n",
            "data-no-end": b"5\r\nabcde0\r\n\r\n",
            "extension-lf": b"5;a\nabcde\r\n0\r\n\r\n",
            "extension-cr": b"5;a\rb\r\nabcde\r\n0\r\n\r\n",
            "extension-nul": b"5;a=\0\r\nabcde\r\n0\r\n\r\n",
            "extension-quoted-lf": b'5;a="\n"\r\nabcde\r\n0\r\n\r\n',
            "last-lf": b"5\r\nabcde\r\n0\n\r\n",
            "end-lf": b"5\r\nabcde\r\n0\r\n\n",
            "last-extension-lf": b"5\r\nabcde\r\n0;a\n\r\n",
            "trailer-lf": b"5\r\nabcde\r\n0\r\nX: a\n\r\n",
            "trailer-fold": b"5\r\nabcde\r\n0\r\nX: a\r\n b\r\n\r\n",
            "trailer-space": b"5\r\nabcde\r\n0\r\nX : a\r\n\r\n",
            "trailer-nul": b"5\r\nabcde\r\n0\r\nX: \0\r\n\r\n",
            "trailer-no-colon": b"5\r\nabcde\r\n0\r\nX\r\n\r\n",
            "trailer-length": b"5\r\nabcde\r\n0\r\nContent-Length: 50\r\n\r\n",
            "trailer-coding": b"5\r\nabcde\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        }.items()
    ),
]

ACCEPTED = [
    Accepted("plain", "9112 3", get(), [("GET", "/", b"")]),
    Accepted("two-spaces-before-target", "9112 3", line(b"GET  / HTTP/1.1"), [("GET", "/", b"")]),
    Accepted("two-spaces-before-version", "9112 3", line(b"GET /  HTTP/1.1"), [("GET", "/", b"")]),
    Accepted("empty-line-before", "9112 2.2", b"\r\n" + get(), [("GET", "/", b"")]),
    Accepted("empty-line-between", "9112 2.2", get() + b"\r\n" + get(), [("GET", "/", b"")] * 2),
    Accepted("host-empty", "9110 7.2", get(b"Host:\r\n"), [("GET", "/", b"")]),
    Accepted("host-port", "9110 7.2", get(b"Host: localhost:5000\r\n"), [("GET", "/", b"")]),
    Accepted("host-ipv6", "9110 7.2", get(b"Host: [::1]:5000\r\n"), [("GET", "/", b"")]),
    Accepted("host-spaces-around", "9112 5.1", get(b"Host: \t localhost\t \r\n"), [("GET", "/", b"")]),
    Accepted("host-case", "9110 5.1", get(b"hOST: localhost\r\n"), [("GET", "/", b"")]),
    Accepted("header-no-space", "9112 5.1", get(b"Host:localhost\r\n"), [("GET", "/", b"")]),
    Accepted("header-value-empty", "9110 5.5", get(HOST + b"X:\r\n"), [("GET", "/", b"")]),
    Accepted("header-value-latin-1", "9110 5.5", get(HOST + b"X: \xe9\r\n"), [("GET", "/", b"")]),
    Accepted("header-value-tab", "9110 5.5", get(HOST + b"X: a\tb\r\n"), [("GET", "/", b"")]),
    Accepted("header-name-token", "9110 5.6.2", get(HOST + b"!#$%&'*+-.^_`|~9aZ: a\r\n"), [("GET", "/", b"")]),
    Accepted("other-length-header", "9110 5.1", get(HOST + b"Content_Length: 5\r\n"), [("GET", "/", b"")]),
    Accepted("absolute", "9112 3.2.2", get(target=b"http://localhost/x?y"), [("GET", "/x?y", b"")]),
    Accepted("absolute-case", "9112 3.2.2", get(target=b"HTTP://LocalHost/x"), [("GET", "/x", b"")]),
    Accepted("absolute-no-path", "9112 3.2.2", get(target=b"http://localhost"), [("GET", "/", b"")]),
    Accepted("absolute-port", "9110 4.2.3", get(target=b"http://localhost:80/x"), [("GET", "/x", b"")]),
    Accepted("target-two-slashes", "9112 3.2.1", get(target=b"//evil/x"), [("GET", "//evil/x", b"")]),
    Accepted("target-url-in-query", "9112 3.2.1", get(target=b"/?u=http://a/"), [("GET", "/?u=http://a/", b"")]),
    Accepted("target-dots", "3986 5.2.4", get(target=b"/a/../%2e%2e/b"), [("GET", "/b", b"")]),
    Accepted("target-percent", "3986 2.4", get(target=b"/%C3%A9%2f%ff"), [("GET", "/é%2F%FF", b"")]),
    Accepted("target-query-control", "reserve", get(target=b"/?a=%0d%0A"), [("GET", "/?a=%0D%0A", b"")]),
    Accepted("options", "9110 9.3.7", line(b"OPTIONS /x HTTP/1.1"), [("OPTIONS", "/x", b"")]),
    Accepted("webdav-method", "4918 9.1", line(b"PROPFIND /x HTTP/1.1"), [("PROPFIND", "/x", b"")]),
    Accepted("post-no-body", "9112 6.3", post(b""), [("POST", "/", b"")]),
    Accepted("length", "9112 6.2", post(b"Content-Length: 5\r\n", b"abcde"), [("POST", "/", b"abcde")]),
    Accepted("length-zero", "9112 6.2", post(b"Content-Length: 0\r\n"), [("POST", "/", b"")]),
    Accepted("length-leading-zeros", "9110 8.6", post(b"Content-Length: 005\r\n", b"abcde"), [("POST", "/", b"abcde")]),
    Accepted("length-spaces", "9112 5.1", post(b"Content-Length: \t5 \r\n", b"abcde"), [("POST", "/", b"abcde")]),
    Accepted(
        "length-request-inside", "9112 6.2", post(b"Content-Length: 18\r\n", get()[:18]), [("POST", "/", get()[:18])]
    ),
    Accepted("get-with-body", "9110 9.3.1", get(HOST + b"Content-Length: 5\r\n") + b"abcde", [("GET", "/", b"abcde")]),
    Accepted(
        "length-named-by-connection",
        "9110 7.6.1",
        post(b"Connection: content-length\r\nContent-Length: 5\r\n", b"abcde"),
        [("POST", "/", b"abcde")],
    ),
    Accepted("chunked", "9112 7.1", chunked(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), [("POST", "/", b"abcde")]),
    Accepted("chunked-case", "9112 7", post(b"TRANSFER-encoding: ChunKED\r\n", b"0\r\n\r\n"), [("POST", "/", b"")]),
    Accepted(
        "chunked-spaces", "9112 5.1", post(b"Transfer-Encoding: \tchunked \r\n", b"0\r\n\r\n"), [("POST", "/", b"")]
    ),
    Accepted("chunked-get", "9110 9.3.1", get(HOST + CHUNKED) + b"5\r\nabcde\r\n0\r\n\r\n", [("GET", "/", b"abcde")]),
    *(
        Accepted(f"chunk-{name}", "9112 7.1", chunked(body), [("POST", "/", b"abcdefghij")])
        for name, body in {
            "size-upper": b"A\r\nabcdefghij\r\n0\r\n\r\n",
            "size-lower": b"a\r\nabcdefghij\r\n0\r\n\r\n",
            "size-zeros": b"000a\r\nabcdefghij\r\n0000\r\n\r\n",
            "extension": b"a;x\r\nabcdefghij\r\n0;y=z\r\n\r\n",
            "extension-value": b"a;x=y;z=1\r\nabcdefghij\r\n0\r\n\r\n",
            "extension-quoted": b'a;x="y z;\\"0"\r\nabcdefghij\r\n0\r\n\r\n',
            "trailer": b"a\r\nabcdefghij\r\n0\r\nX: a\r\nY: b\r\n\r\n",
            "trailer-host": b"a\r\nabcdefghij\r\n0\r\nHost: evil\r\n\r\n",
            "trailer-upgrade": b"a\r\nabcdefghij\r\n0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        }.items()
    ),
    # An upgrade that nobody accepts changes nothing.
    *(
        Accepted(f"upgrade-{name}", "9110 7.8", data, [seen])
        for name, data, seen in [
            ("websocket", get(HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), ("GET", "/", b"")),
            ("h2c", get(HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), ("GET", "/", b"")),
            (
                "length",
                post(b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n", b"abcde"),
                ("POST", "/", b"abcde"),
            ),
            (
                "chunked",
                post(b"Connection: upgrade\r\nUpgrade: x\r\n" + CHUNKED, b"5\r\nabcde\r\n0\r\n\r\n"),
                ("POST", "/", b"abcde"),
            ),
            (
                "request-in-body",
                post(b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 39\r\n", get(target=b"/hide")),
                ("POST", "/", get(target=b"/hide")),
            ),
            ("no-connection", get(HOST + b"Upgrade: x\r\n"), ("GET", "/", b"")),
            ("no-upgrade", get(HOST + b"Connection: upgrade\r\n"), ("GET", "/", b"")),
        ]
    ),
    # How long the connection lasts.
    Accepted("close", "9112 9.6", get(HOST + b"Connection: close\r\n"), [("GET", "/", b"")], closes=True),
    Accepted("close-case", "9110 7.6.1", get(HOST + b"Connection: CLOSE\r\n"), [("GET", "/", b"")], closes=True),
    Accepted("close-in-list", "9110 7.6.1", get(HOST + b"Connection: x, close\r\n"), [("GET", "/", b"")], closes=True),
    Accepted(
        "close-and-keep-alive",
        "9112 9.3",
        get(HOST + b"Connection: close, keep-alive\r\n"),
        [("GET", "/", b"")],
        closes=True,
    ),
    Accepted(
        "close-in-second-header",
        "9110 5.3",
        get(HOST + b"Connection: x\r\nConnection: close\r\n"),
        [("GET", "/", b"")],
        closes=True,
    ),
    Accepted(
        "close-upgrade",
        "9110 7.8",
        get(HOST + b"Connection: close, upgrade\r\nUpgrade: x\r\n"),
        [("GET", "/", b"")],
        closes=True,
    ),
    Accepted(
        "close-upgrade-length",
        "9110 7.8",
        post(b"Connection: close, upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n", b"abcde"),
        [("POST", "/", b"abcde")],
        closes=True,
    ),
    Accepted("1.0", "9112 9.3", get(b"", version=b"1.0"), [("GET", "/", b"")], closes=True),
    Accepted("1.0-host", "9112 9.3", get(version=b"1.0"), [("GET", "/", b"")], closes=True),
    Accepted("1.0-keep-alive", "9112 9.3", get(b"Connection: keep-alive\r\n", version=b"1.0"), [("GET", "/", b"")]),
    Accepted(
        "1.0-length",
        "9112 6.2",
        post(b"Content-Length: 5\r\n", b"abcde", b"1.0"),
        [("POST", "/", b"abcde")],
        closes=True,
    ),
]

# Framing doesn't depend on the method: what holds of POST holds of a method that the parser doesn't know, too.
EXTENSION = b"VERSION-CONTROL"
VECTORS: list[Refused | Accepted] = [*REFUSED, *ACCEPTED]
EXTENDED = [
    row._replace(name=f"extension-{row.name}", data=row.data.replace(b"POST", EXTENSION, 1))
    for row in VECTORS
    if row.data.startswith(b"POST ")
]


@pytest.fixture
async def echo(serve: Serve) -> tuple[Site, list[Seen]]:
    """A server whose handler notes what it sees once it has read the body."""
    seen: list[Seen] = []

    async def handler(request: Request, response: Response) -> None:
        body = await request.body()
        seen.append((request.method, request.url, body))
        response.send(f"{request.method} {request.url}")

    return await serve(handler), seen


# Whole, and byte by byte: by the same server, as a server of its own for each would take longer than the rows do.
WAYS: tuple[list[int] | None, ...] = ([], None)


async def exchange(site: Site, data: bytes, cuts: list[int] | None) -> list[WireResponse]:
    """All responses to `data`, sent in pieces that end at `cuts`; None: byte by byte."""
    if cuts is None:
        cuts = list(range(1, len(data)))
    ends = [*cuts, len(data)]
    wire = await site.connect()
    await wire.send_in_pieces([data[start:end] for start, end in zip([0, *cuts], ends, strict=True) if end > start])
    responses = await wire.responses()
    wire.close()
    return responses


def names(rows: list[Refused] | list[Accepted] | list[Refused | Accepted]) -> list[str]:
    return [f"{row.name} ({row.rule})" for row in rows]


@pytest.mark.parametrize("row", REFUSED, ids=names(REFUSED))
async def test_refused(echo: tuple[Site, list[Seen]], row: Refused) -> None:
    site, seen = echo
    for cuts in WAYS:
        (response,) = await exchange(site, row.data + NEXT, cuts)
        assert response.status in row.statuses, cuts
        assert response.closes
        assert response.headers["content-type"].startswith("text/plain")
        assert response.body
        assert response.body not in (b"The request is malformed", parsers_words(row.data).encode())
        assert seen == []


def parsers_words(data: bytes) -> str:
    """What the parser says of `data`: words for those who know it."""
    try:
        HttpRequestParser(object()).feed_data(data + NEXT)
    except HttpParserUpgrade:
        return ""
    except HttpParserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("row", ACCEPTED, ids=names(ACCEPTED))
async def test_accepted(echo: tuple[Site, list[Seen]], row: Accepted) -> None:
    site, seen = echo
    expected = row.requests if row.closes else [*row.requests, ("GET", "/next", b"")]
    for cuts in WAYS:
        seen.clear()
        responses = await exchange(site, row.data + NEXT, cuts)
        assert seen == expected, cuts
        assert [response.status for response in responses] == [200] * len(expected)
        assert [response.body.decode() for response in responses] == [f"{method} {url}" for method, url, _ in expected]
        assert [response.closes for response in responses] == [False] * (len(expected) - 1) + [True]


@pytest.mark.parametrize("row", EXTENDED, ids=names(EXTENDED))
async def test_a_method_that_the_parser_does_not_know(echo: tuple[Site, list[Seen]], row: Refused | Accepted) -> None:
    site, seen = echo
    responses = await exchange(site, row.data + NEXT, [])
    if isinstance(row, Refused):
        assert [(response.status in row.statuses, response.closes) for response in responses] == [(True, True)]
        assert seen == []
    else:
        first, *others = row.requests
        expected = [(EXTENSION.decode(), *first[1:]), *others, *([] if row.closes else [("GET", "/next", b"")])]
        assert seen == expected
        assert [response.status for response in responses] == [200] * len(expected)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_how_bytes_are_split_changes_nothing(echo: tuple[Site, list[Seen]], data: st.DataObject) -> None:
    site, seen = echo
    seen.clear()
    rows = data.draw(st.lists(st.sampled_from([row for row in ACCEPTED if not row.closes]), min_size=1, max_size=6))
    stream = b"".join(row.data for row in rows) + NEXT
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=20)))
    responses = await exchange(site, stream, cuts)
    expected = [request for row in rows for request in row.requests] + [("GET", "/next", b"")]
    assert seen == expected
    assert [response.body.decode() for response in responses] == [f"{method} {url}" for method, url, _ in expected]


async def test_a_refused_request_waits_for_the_responses_before_it(echo: tuple[Site, list[Seen]]) -> None:
    site, seen = echo
    responses = await exchange(
        site, get(target=b"/1") + post(b"Content-Length: 3\r\n", b"abc") + b"?\r\n\r\n" + NEXT, []
    )
    assert [response.status for response in responses] == [200, 200, 400]
    assert [url for _, url, _ in seen] == ["/1", "/"]
