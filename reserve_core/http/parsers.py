"""Parsers that don't start at the first byte of a request."""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpRequestParser

# The method that stands before the parser for one that it doesn't know: any would do whose request is framed by
# Content-Length and Transfer-Encoding alone, and that the parser doesn't take for one of RTSP's, too, as it does POST.
STAND_IN = b"PUT"


class ExtensionParser(HttpRequestParser):
    """A parser to which the first request is fed with `STAND_IN` in the place of its own method.

    What llhttp knows isn't what HTTP is: methods are tokens (RFC 9110 9.1, 16.1), and framing doesn't depend on them
    (RFC 9112 6). `is_first` tells whether the request that `get_method` is asked of is still that one.
    """

    def __init__(self, protocol: object, method: bytes, is_first: Callable[[], bool]) -> None:
        super().__init__(protocol)
        self._method = method
        self._is_first = is_first

    def get_method(self) -> bytes:
        return self._method if self._is_first() else super().get_method()


def body_parser(connection: object, length: int | None) -> HttpRequestParser:
    """A parser in the middle of a request, before its body.

    llhttp takes what follows a request to upgrade for the other protocol, even its body, which comes before
    (RFC 9110 7.8): read on as HTTP it would be somebody's next request.
    """
    protocol = _Gate(connection)
    parser = HttpRequestParser(protocol)
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    parser.feed_data(f"POST / HTTP/1.1\r\n{framing}\r\n\r\n".encode())
    protocol.open = True
    return parser


class _Gate:
    """Keeps what a parser reports from the connection until it is `open`."""

    def __init__(self, connection: object) -> None:
        self.open = False
        self._connection = connection

    def __getattr__(self, name: str) -> Callable[..., None]:
        method: Callable[..., None] = getattr(self._connection, name)
        return lambda *arguments: method(*arguments) if self.open else None
