"""The helper `send`: a response from data of any kind."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

from .errors import ResponseError

if TYPE_CHECKING:
    from .http import Response
    from .http.response import HeaderValues


async def send(
    response: Response,
    data: Any = None,
    status: int | None = None,
    headers: HeaderValues | None = None,
    no_body: bool = False,
) -> None:
    """Responds with `data`.

    A str is sent as text/plain, bytes as they are, None as an empty body, an async iterable of bytes or str as it
    comes, by default as application/octet-stream, and anything else as JSON. A content-type that is set already stays;
    one of text gets the charset it lacks, which is UTF-8, unless `data` is bytes. `headers` replace those of the same
    name. An iterable is closed at the end, however it ends.

    `no_body`: only the head goes out, as if `data` followed. That is the response to HEAD, or a 304; to another request
    an announced content that doesn't come would be malformed, which raises `ResponseError`.

    Raises what `Response.send` and `Response.write` raise.
    """
    if isinstance(data, AsyncIterable):
        await _stream(response, data, status, headers, no_body)
    elif no_body:
        _send_head(response, data, status, headers)
    else:
        response.send(b"" if data is None else data, status, headers)


async def _stream(
    response: Response,
    chunks: AsyncIterable[bytes | str],
    status: int | None,
    headers: HeaderValues | None,
    no_body: bool,
) -> None:
    iterator = aiter(chunks)
    try:
        if response.headers_sent:
            raise ResponseError("The response has begun already: a stream can't be the whole of it any more")
        if status is not None:
            response.status = status
        _set(response, headers, "application/octet-stream")
        await response.write(b"")  # the head: the client needn't wait for the first chunk to know that all is well
        if not no_body:
            async for chunk in iterator:
                await response.write(chunk)
        await response.end()
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


def _send_head(response: Response, data: Any, status: int | None, headers: HeaderValues | None) -> None:
    from .http.response import encode

    body, content_type = encode(b"" if data is None else data)
    _set(response, headers, content_type)
    response.headers["content-length"] = str(len(body))
    response.send(b"", status)


def _set(response: Response, headers: HeaderValues | None, content_type: str | None) -> None:
    from .http.response import describe

    if headers is not None:
        response.replace_headers(headers)
    if content_type is not None:
        describe(response.headers, content_type)
