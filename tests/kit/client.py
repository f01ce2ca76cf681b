"""A client that sends one request as it is told, and reads its response whole; it follows no redirect."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from multidict import CIMultiDict

from tests.kit.waiting import PATIENCE

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


@dataclass
class ReceivedResponse:
    """A response as a client has received it."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str, method: str = "GET", body: str | bytes | Iterable[bytes] = b"", headers: Headers = ()
) -> ReceivedResponse:
    """Sends these headers and no others, but for Host and the length of a body. A `body` in pieces is sent chunked."""
    parts = urlsplit(url)
    fields = list(headers.items() if isinstance(headers, Mapping) else headers)
    names = {name.lower() for name, _ in fields}
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        fields.append(("Transfer-Encoding", "chunked"))
    elif (body or method in ("POST", "PUT", "PATCH")) and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        connection.putrequest(method, target, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in fields:
            connection.putheader(name, value)
        connection.endheaders(body or None, encode_chunked=not isinstance(body, bytes))
        response = connection.getresponse()
        return ReceivedResponse(response.status, CIMultiDict(response.getheaders()), response.read())
    finally:
        connection.close()
