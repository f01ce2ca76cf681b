"""The writers of responses that pass: documents get the script, and nothing is shown from a cache that has changed."""

from __future__ import annotations

import html
from http.client import responses
from typing import TYPE_CHECKING, Final

from reserve_core.kit import BodyWriter, HeadWriter, is_own_response

from .document_script import DocumentScript

if TYPE_CHECKING:
    from reserve_core import Headers, Request, Response

    from .live_site import LiveSite

# No content, or a part of it.
_WITHOUT_DOCUMENT: Final = (204, 205, 206)
# Where a server behind this one can't be reached, or has no time.
_WAITS: Final = (502, 503, 504)
_WIDE_CHARSETS: Final = ("utf-16", "utf-32", "ucs-2")


class FreshWriter(HeadWriter):
    """Has browsers ask whether what they keep has changed: a reload takes scripts and pictures from their caches."""

    def change(self, status: int, headers: Headers) -> None:
        """See `HeadWriter.change`."""
        control = headers.get("cache-control", "").lower()
        if "no-store" not in control and "no-cache" not in control:
            headers["cache-control"] = "no-cache"
        headers.popall("expires", None)


class ErrorWriter(FreshWriter):
    """Sends the errors of the server's own as live pages, which go away by themselves once that is mended."""

    def __init__(self, request: Request, response: Response, site: LiveSite) -> None:
        super().__init__(response)
        self._request = request
        self._site = site
        self._since = site.now()

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Writer.send`."""
        if status >= 400 and _is_plain(headers) and is_own_response(self._request):
            tag = self._site.tag(self._request, headers, self._since, waits=status in _WAITS)
            if tag is not None:
                headers = headers.copy()
                headers["content-type"] = "text/html; charset=utf-8"
                headers.popall("content-length", None)
                body = _error_page(status, body, tag)
        super().send(status, headers, body)


class DocumentWriter(BodyWriter):
    """Puts the script into a document."""

    def __init__(self, request: Request, response: Response, site: LiveSite) -> None:
        super().__init__(request, response)
        self._request = request
        self._site = site
        self._since = site.now()  # what changes from now on may be missing in the document

    def change(self, status: int, headers: Headers, size: int | None) -> DocumentScript | None:
        """See `BodyWriter.change`."""
        if not _is_document(status, headers):
            return None
        tag = self._site.tag(self._request, headers, self._since)
        if tag is None:
            return None
        try:
            script = DocumentScript(tag, headers.get("content-encoding", ""))
        except ValueError as error:
            self._site.tell(self._request, str(error))
            return None
        script.describe(headers)
        return script


def _is_document(status: int, headers: Headers) -> bool:
    """Whether a response has HTML that is shown, in an encoding that is ASCII as far as ASCII goes."""
    kind, _, parameters = headers.get("content-type", "").lower().partition(";")
    return (
        kind.strip() == "text/html"
        and not (300 <= status < 400 or status in _WITHOUT_DOCUMENT)
        and not headers.get("content-disposition", "").strip().lower().startswith("attachment")
        and not any(charset in parameters for charset in _WIDE_CHARSETS)
    )


def _is_plain(headers: Headers) -> bool:
    return headers.get("content-type", "text/plain").lower().startswith("text/plain")


def _error_page(status: int, text: bytes, tag: bytes) -> bytes:
    title = f"{status} {responses.get(status, '')}".rstrip()
    head = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
    return head.encode() + tag + f"\n<pre>{html.escape(text.decode('utf-8', 'replace'))}</pre>\n".encode()
