"""The pages of errors, and the writer that shows them."""

from __future__ import annotations

import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from reserve_core import Disconnected
from reserve_core.functions import accepts_html
from reserve_core.kit import CONTENT_HEADERS, add_vary, is_own_response

if TYPE_CHECKING:
    from reserve_core import Headers, Request, Response

# What a response says of the content that isn't sent. The others stay: retry-after, www-authenticate...
_FORGOTTEN = (*CONTENT_HEADERS, "etag", "last-modified", "accept-ranges")
_MATCH = cast("re.Match[str]", re.match("", ""))  # which nobody looks at


class ErrorPage:
    """A file, kept in memory for as long as it doesn't change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_at: tuple[int, ...] = ()
        self._content = b""

    @property
    def exists(self) -> bool:
        """Whether there is such a file now."""
        return self.path.is_file()

    def content(self) -> bytes | None:
        """What it has now; None if it can't be read."""
        try:
            found = self.path.stat()
            if not stat.S_ISREG(found.st_mode):
                return None
            version = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)
            if version != self._read_at:
                self._content = self.path.read_bytes()
                self._read_at = version
        except OSError:
            return None
        return self._content


class ErrorPages:
    """The pages of one mapping, by the keys that the configuration has: "404", "5xx"."""

    def __init__(self, pages: dict[str, ErrorPage], intercept: bool) -> None:
        self.by_status = pages
        self.intercept = intercept

    def page(self, status: int) -> ErrorPage | None:
        """The page of a status."""
        return self.by_status.get(str(status)) or self.by_status.get(f"{status // 100}xx")


class ErrorPageWriter:
    """Sends a page in place of an error, for those who asked for one; passes the rest on.

    The page takes the place of the whole response, so that it comes when that is complete, or is given up.
    """

    def __init__(self, request: Request, response: Response, pages: ErrorPages) -> None:
        self._writer = writer = response.writer
        self._request = request
        self._pages = pages
        self._shown: tuple[int, Headers, bytes] | None = None  # in place of the response that is being written
        self.inform = writer.inform
        response.writer = self

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Writer.send`."""
        self._writer.send(*(self._in_place_of(status, headers) or (status, headers, body)))

    def start(self, status: int, headers: Headers) -> None:
        """See `Writer.start`."""
        self._shown = self._in_place_of(status, headers)
        if self._shown is None:
            self._writer.start(status, headers)

    async def write(self, chunk: bytes) -> None:
        """See `Writer.write`."""
        if self._shown is None:
            await self._writer.write(chunk)

    async def end(self) -> None:
        """See `Writer.end`."""
        if self._shown is None:
            await self._writer.end()
        else:
            self._writer.send(*self._shown)

    def abort(self) -> None:
        """See `Writer.abort`."""
        if self._shown is None:
            self._writer.abort()
        else:
            with suppress(Disconnected):  # it may be given up because the client has gone
                self._writer.send(*self._shown)

    def _in_place_of(self, status: int, headers: Headers) -> tuple[int, Headers, bytes] | None:
        """What is sent instead of a response with that head."""
        request = self._request
        page = self._pages.page(status) if status >= 400 else None
        if (
            page is None
            or request.method not in ("GET", "HEAD")
            or not (self._pages.intercept or is_own_response(request))
        ):
            return None
        content = page.content() if accepts_html(request, request.url, _MATCH) else None
        if content is None:
            return None
        shown = headers.copy()
        for name in _FORGOTTEN:
            shown.popall(name, None)
        shown["content-type"] = "text/html; charset=utf-8"
        add_vary(shown, "accept")
        return status, shown, content
