"""A parser that begins in the middle of a request."""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpRequestParser


def body_parser(connection: object, length: int | None) -> HttpRequestParser:
    """A parser in the middle of a request, before its body.

    llhttp takes what follows a request to upgrade for the other protocol, even its body, which comes before
    (RFC 9110 7.8): read on as HTTP it would be somebody's next request.
    """
    protocol = _Deaf(connection)
    parser = HttpRequestParser(protocol)
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    parser.feed_data(f"POST / HTTP/1.1\r\n{framing}\r\n\r\n".encode())
    protocol.deaf = False
    return parser


class _Deaf:
    """Keeps what a parser reports from the connection, as long as it is `deaf`."""

    def __init__(self, connection: object) -> None:
        self.deaf = True
        self._connection = connection

    def __getattr__(self, name: str) -> Callable[..., None]:
        method: Callable[..., None] = getattr(self._connection, name)
        return lambda *arguments: None if self.deaf else method(*arguments)
