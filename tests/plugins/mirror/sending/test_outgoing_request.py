"""A recorded request as it is sent on, to the byte."""

from __future__ import annotations

from typing import Any, cast

import pytest

from reserve_mirror.json_shapes import RequestSummary
from reserve_mirror.sending.outgoing_request import request_bytes, request_target, target_url


def summary(**members: Any) -> RequestSummary:
    given = {"method": "POST", "path": "", "url": "http://mirror.example/r/orders", "headers": [], **members}
    return cast("RequestSummary", given)


@pytest.mark.parametrize(
    ("url", "path", "to", "target"),
    [
        ("http://m/r/orders", "", "http://t", "/"),
        ("http://m/r/orders", "", "http://t/hook", "/hook"),
        ("http://m/r/orders", "", "http://t/hook/", "/hook/"),
        ("http://m/r/orders?x=1", "", "http://t/hook", "/hook?x=1"),
        ("http://m/r/orders/", "/", "http://t/hook", "/hook/"),
        ("http://m/r/orders/a", "/a", "http://t", "/a"),
        ("http://m/r/orders/a", "/a", "http://t/", "/a"),
        ("http://m/r/orders/a", "/a", "http://t/hook/", "/hook/a"),
        ("http://m/mirror/r/orders/r/orders?", "/r/orders", "http://t/hook", "/hook/r/orders?"),
        ("http://m/r/orders/%61%2Fb/../%7e?%20=/", "/~", "http://t", "/%61%2Fb/../%7e?%20=/"),
        ("http://m/r/%6frders/a", "/a", "http://t", "/a"),
        ("http://m/r/orders/caf\xe9", "/caf\xe9", "http://t", "/caf%E9"),
        ("http://m/elsewhere", "/caf\xe9%2F", "http://t", "/caf%C3%A9%2F"),
        ("http://m/a/b", "/a/b", "http://t", "/a/b"),
    ],
)
def test_what_is_below_the_mirror_is_below_the_target(url: str, path: str, to: str, target: str) -> None:
    assert request_target(summary(url=url, path=path), target_url(to)) == target


@pytest.mark.parametrize(
    ("headers", "body", "sent"),
    [
        ([["X-a", "1"], ["x-A", "2"]], b"", "X-a: 1\r\nx-A: 2\r\n"),
        ([["Host", "m"], ["Accept", ""]], b"", "Accept: \r\n"),
        ([["content-LENGTH", "3"], ["A", "1"]], b"abc", "content-LENGTH: 3\r\nA: 1\r\n"),
        ([["Content-Length", "0"]], b"", "Content-Length: 0\r\n"),
        ([["Content-Length", "3"], ["Content-Length", "3"]], b"abc", "Content-Length: 3\r\n"),
        ([["Transfer-Encoding", "chunked"], ["Trailer", "X"], ["A", "1"]], b"ab", "A: 1\r\nContent-Length: 2\r\n"),
        ([["Expect", "100-continue"], ["TE", "trailers"], ["Upgrade", "x"]], b"", ""),
        ([["Connection", "close, X-Hop"], ["x-hop", "1"], ["Keep-Alive", "5"]], b"", ""),
        ([["X-Latin", "caf\xe9"]], b"", "X-Latin: caf\xe9\r\n"),
    ],
)
def test_headers_keep_their_order_and_spelling(headers: list[list[str]], body: bytes, sent: str) -> None:
    data = request_bytes(summary(headers=headers), body, target_url("http://t:81/"))
    expected = f"POST / HTTP/1.1\r\nHost: t:81\r\n{sent}Connection: close\r\n\r\n"
    assert data == expected.encode("latin-1") + body
