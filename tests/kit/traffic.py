"""What a mirror's page is sent."""

from __future__ import annotations

import json

from playwright.sync_api import Page, Response, WebSocket


class Traffic:
    """What comes to a page: the lists of requests that it asks for, and the requests that its WebSocket tells of."""

    def __init__(self, page: Page) -> None:
        self.told = 0
        self._lists: list[Response] = []
        page.on("response", self._on_response)
        page.on("websocket", self._on_websocket)

    @property
    def lists(self) -> list[int]:
        """The number of requests in each, read when asked for: the page may show one before a handler has read it."""
        return [len(response.json()["requests"]) for response in self._lists]

    def _on_response(self, response: Response) -> None:
        if "/requests?" in response.url:
            self._lists.append(response)

    def _on_websocket(self, websocket: WebSocket) -> None:
        websocket.on("framereceived", self._on_frame)

    def _on_frame(self, frame: str | bytes) -> None:
        self.told += json.loads(frame)["type"] == "request"
