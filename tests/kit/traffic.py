"""What a mirror's page is sent."""

from __future__ import annotations

import json

from playwright.sync_api import Page, Response, WebSocket


class Traffic:
    """What comes to a page: the lists of requests that it asks for, and the requests that its WebSocket tells of."""

    def __init__(self, page: Page) -> None:
        self.lists: list[int] = []  # the number of requests in each
        self.told = 0
        page.on("response", self._on_response)
        page.on("websocket", self._on_websocket)

    def _on_response(self, response: Response) -> None:
        if "/requests?" in response.url:
            self.lists.append(len(response.json()["requests"]))

    def _on_websocket(self, websocket: WebSocket) -> None:
        websocket.on("framereceived", self._on_frame)

    def _on_frame(self, frame: str | bytes) -> None:
        self.told += json.loads(frame)["type"] == "request"
