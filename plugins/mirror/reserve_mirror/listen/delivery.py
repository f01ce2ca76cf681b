"""Brings a recorded request to a server, as often as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult

from ..json_shapes import ListenerResponse, RequestSummary
from ..listener_response import MAX_BODY, MAX_URL
from ..mirror_response import MAX_HEADERS
from ..request_details import body_as_text
from ..sending.http_exchange import HTTPResponse, NoResponse, exchange
from ..sending.outgoing_request import SentRequest, request_bytes

# Seconds between two attempts: after the first one, twice as many each time, and the most.
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
# Attempts with a request that reached a server and got no response, unless told otherwise.
TRIES = 10


class Undelivered(Exception):
    """A request is given up: why."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How requests are sent on: to which URL, how often, which statuses are no delivery, the seconds for one attempt,
    and what signs them anew.

    With None as `tries` a server that can't be connected to is waited for, as long as it takes.
    """

    to: SplitResult
    timeout: float
    tries: int | None
    is_failure: Callable[[int], bool]
    sign: Callable[[SentRequest, bytes], SentRequest] | None = None

    async def deliver(
        self, summary: RequestSummary, body: bytes, on_failure: Callable[[str], None]
    ) -> tuple[HTTPResponse, int]:
        """Sends a request until there is a response, which is returned with the number of attempts. `on_failure` is
        told of the others. Raises `Undelivered`.
        """
        counted = 0
        for tries, pause in enumerate(pauses(), 1):
            reached = True
            # A signature has the time of its attempt: the server may have been away for long.
            sent = self.sign(summary, body) if self.sign is not None else summary
            data = request_bytes(sent, body, self.to)
            try:
                response = await exchange(
                    self.to, data, timeout=self.timeout, is_head=summary["method"] == "HEAD", limit=MAX_BODY
                )
                if not self.is_failure(response.status):
                    return response, tries
                reason = f"it responds with {response.status}"
            except NoResponse as error:
                reason, reached = str(error), error.sent
            counted += reached or self.tries is not None
            if counted >= (self.tries or TRIES):
                raise Undelivered(f"{reason}; attempts: {tries}")
            on_failure(f"{self.to.geturl()}: {reason}")
            await asyncio.sleep(pause)
        raise AssertionError("There is always another pause")


def forwarded_response(to: str, response: HTTPResponse) -> ListenerResponse:
    """A response as the mirror keeps it: with the beginning of a long body."""
    body, encoding = body_as_text(response.body)
    return ListenerResponse(
        to=to[:MAX_URL],
        status=response.status,
        headers=[[name, value] for name, value in response.headers[:MAX_HEADERS]],
        body=body,
        body_encoding=encoding,
        size=response.size,
        duration=round(response.duration, 1),
    )


def pauses() -> Iterator[float]:
    """The seconds before each further attempt at something."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
