"""A mirror on a server, as its clients see it."""

from __future__ import annotations

from typing import Any

from tests.kit import client
from tests.kit.client import Headers, ReceivedResponse


class Mirror:
    """A mirror, by its code and the base it is mounted at (without a slash at the end)."""

    def __init__(self, base: str, code: str) -> None:
        self.code = code
        self.page = f"{base}/v/{code}"
        self.url = f"{base}/r/{code}"
        self.api = f"{base}/api/mirrors/{code}"

    def send(self, method: str, path: str = "", body: bytes = b"", headers: Headers = ()) -> ReceivedResponse:
        """Sends a request to be recorded; `path` is what follows the code."""
        return client.ask(self.url + path, method, body, headers)

    def requests(self) -> list[dict[str, Any]]:
        """The summaries of all recorded requests, oldest first."""
        requests: list[dict[str, Any]] = []
        while True:
            after = f"&after={requests[-1]['id']}" if requests else ""
            page = client.ask(f"{self.api}/requests?limit=1000{after}").json()["requests"]
            if not page:
                return requests
            requests += page

    def newest(self) -> dict[str, Any]:
        """The summary of the newest recorded request."""
        summary: dict[str, Any]
        (summary,) = client.ask(f"{self.api}/requests?order=desc&limit=1").json()["requests"]
        return summary

    def whole(self, index: int = -1) -> dict[str, Any]:
        """One whole request, by default the newest."""
        whole: dict[str, Any] = client.ask(f"{self.api}/requests/{self.requests()[index]['id']}").json()
        return whole
