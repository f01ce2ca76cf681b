"""Sends a recorded response."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from reserve_core import Headers, Response

from .recorded_exchange import RecordedExchange

# About the connection that the response came by (RFC 9110 7.6.1).
_OF_CONNECTION = frozenset(("connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"))


async def play(exchange: RecordedExchange, response: Response) -> None:
    """Sends the response of an exchange: its status, its headers, its body in the chunks that it had, its trailers.

    Raises what `Response.write` raises.
    """
    recorded = exchange.response
    response.cache_control = None
    response.status = exchange.status
    response.headers = Headers(_fields(exchange))
    if not recorded.is_chunked or not exchange.has_content:
        response.send(recorded.body)
        return
    response.trailers = recorded.trailers
    for piece in recorded.pieces():
        await response.write(piece)
    await response.end()


def _fields(exchange: RecordedExchange) -> Iterator[tuple[str, str]]:
    """The header fields that are sent."""
    message = exchange.response
    headers = message.headers
    named = {name.strip().lower() for value in headers.getall("connection", ()) for name in value.split(",")}
    for name, value in headers.items():
        match name.lower():
            case lower if lower in _OF_CONNECTION or lower in named:
                pass
            case "content-length" if exchange.has_content:  # else it says what another request would get
                if not message.is_chunked:
                    yield name, str(len(message.body))
            case "location":
                yield name, _at_home(value, exchange)
            case _:
                yield name, value


def _at_home(location: str, exchange: RecordedExchange) -> str:
    """A Location without the origin that the request was sent to: the client shall come here again."""
    host = exchange.request.headers.get("host") or urlsplit(exchange.target).netloc
    try:
        parts = urlsplit(location)
    except ValueError:
        return location
    if not host or parts.netloc.lower() != host.lower() or parts.scheme not in ("", "http", "https"):
        return location
    rest = parts._replace(scheme="", netloc="").geturl()
    if rest.startswith(("//", "/\\")):  # a browser would take it for another host
        return location
    return rest if rest.startswith("/") else f"/{rest}"
