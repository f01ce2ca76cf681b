"""What came of a request where `reserve listen` has sent it on is shown with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.kit import client

if TYPE_CHECKING:
    from tests.browser.conftest import LivePage


def send_on(live: LivePage, status: int) -> None:
    told = {
        "to": "http://localhost:3000/hook",
        "status": status,
        "headers": [],
        "body": "",
        "body_encoding": "utf-8",
        "size": 0,
        "duration": 12.34,
    }
    url = f"{live.mirror.api}/requests/latest/response"
    assert client.ask(url, "POST", json.dumps(told).encode(), [("Content-Type", "application/json")]).status == 204


def test_it_is_shown_at_once_and_later(live: LivePage) -> None:
    live.mirror.send("POST", "/one", b"x")
    live.open("/one")
    shown = live.detail.locator(".forwarding")
    expect(shown).to_be_hidden()
    for status in (500, 201):
        send_on(live, status)
        expect(shown).to_have_text(f"sent on to http://localhost:3000/hook {status} 12.3 ms")
    live.page.reload()
    expect(shown).to_have_text("sent on to http://localhost:3000/hook 201 12.3 ms")
