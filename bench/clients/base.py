"""A client: one check that a server is right, and one load."""

from __future__ import annotations

import gzip
import http.client
import math
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from ..peers import HOST
from ..results import Load, Refused

CONNECTIONS = 64
WITHIN = 10  # seconds, for one response


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, and the one right `body` of the response. With something to be `sent` it's a POST.

    With `gzip` the response has to have that content coding.
    """

    path: str
    body: bytes
    sent: bytes = b""
    gzip: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """Those that are no matter of course."""
        return {"Accept-Encoding": "gzip"} if self.gzip else {}

    @property
    def least(self) -> int:
        """Bytes of the smallest body that may be sent."""
        return len(zlib.compress(self.body, 9)) if self.gzip else len(self.body)


class Client(ABC):
    def check(self, port: int, request: Request) -> None:
        """Asks once. Raises `Refused` unless the response is right."""
        check_response(port, request)

    @abstractmethod
    def load(self, port: int, request: Request, connections: int, seconds: float) -> Load:
        """Asks for some seconds on so many connections. Raises `Refused` when a response is wrong, or none comes."""


def check_response(port: int, request: Request) -> None:
    """Raises `Refused` unless the response has status 200 and the right body."""
    path = request.path
    connection = http.client.HTTPConnection(HOST, port, timeout=WITHIN)
    try:
        if request.sent:
            connection.request("POST", path, request.sent, {"Content-Type": "application/json"})
        else:
            connection.request("GET", path, headers=request.headers)
        response = connection.getresponse()
        received = response.read()
        if request.gzip:
            received = gzip.decompress(received)
    except (OSError, http.client.HTTPException) as error:
        raise Refused(f"doesn't answer {path}: {error!r}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise Refused(f"answers {path} with status {response.status}")
    if received != request.body:
        raise Refused(f"answers {path} with other content: {len(received)} bytes instead of {len(request.body)}")


def percentile(values: Sequence[float], share: float) -> float:
    """The least of the values that `share` of them don't exceed."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
