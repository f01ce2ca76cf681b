"""Sending a request again from the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site
from tests.kit.hook_target import HookTarget, hook_target

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.conftest import LivePage, Visit
    from tests.kit.forks import Forks

HEADERS = [("X-Event", "paid"), ("Authorization", "Bearer t"), ("Content-Type", "application/json")]
BODY = b'{"order": 42}\r\n'


@pytest.fixture(scope="module")
def target() -> Iterator[HookTarget]:
    with hook_target() as running:
        yield running


@pytest.fixture(scope="module")
def sending(
    forks: Forks, command: Path, tmp_path_factory: pytest.TempPathFactory, target: HookTarget
) -> Iterator[Site]:
    """A server that may send to the target, and to nothing that listens."""
    folder = tmp_path_factory.mktemp("sending")
    site = Site(
        forks, command, folder, "mirror", "--silent", "--resend-to", target.url, "--resend-to", "http://127.0.0.1:1"
    )
    site.start()
    yield site
    site.stop()


@pytest.fixture
def live(sending: Site, target: HookTarget, visit: Visit) -> LivePage:
    target.requests.clear()
    target.responses = [b"HTTP/1.1 422 No\r\nX-Why: <b>\r\nContent-Length: 10\r\n\r\n<b>no</b>\r\n"]
    return visit(sending.mirror())


def dialog_of(live: LivePage) -> Locator:
    live.button("Send again…").click()
    return live.page.get_by_role("dialog", name="Send again")


def test_it_is_sent_as_it_came_and_the_response_is_shown(live: LivePage, target: HookTarget) -> None:
    live.mirror.send("PUT", "/hook%2F?x", BODY, HEADERS)
    live.open("/hook")
    dialog = dialog_of(live)
    expect(dialog.get_by_label("Path and query")).to_have_value("/hook%2F?x")
    live.button("Send").click()
    result = dialog.locator(".resent")
    expect(result.locator("h3")).to_contain_text("Response 422 ")
    expect(result.locator("pre")).to_have_text("<b>no</b>")
    expect(result.get_by_role("table", name="Headers of the response")).to_contain_text("X-Why<b>")
    (request,) = target.requests
    assert request.line == "PUT /hook%2F?x HTTP/1.1"
    assert request.body == BODY  # its end of line, too, which no field of a page keeps
    assert ("X-Event", "paid") in request.headers
    assert ("Authorization", "Bearer t") not in request.headers
    dialog.get_by_label("With Authorization").check()
    live.button("Send").click()
    expect(result.locator("h3")).to_contain_text("Response 422 ")
    assert ("Authorization", "Bearer t") in target.requests[1].headers
    live.button("Close").click()
    expect(dialog).to_be_hidden()
    expect(dialog_of(live).get_by_label("With Authorization")).not_to_be_checked()
    expect(result).to_be_empty()


def test_it_is_changed_first(live: LivePage, target: HookTarget) -> None:
    live.mirror.send("POST", "/hook", BODY, HEADERS)
    live.open("/hook")
    dialog = dialog_of(live)
    dialog.get_by_label("Method").fill("PATCH")
    dialog.get_by_label("Path and query").fill("/other?y")
    headers = dialog.get_by_label("Headers")
    expect(headers).to_have_value("X-Event: paid\nAuthorization: Bearer t\nContent-Type: application/json")
    headers.fill("what is this")
    live.button("Send").click()
    assert "this is none: what is this" in headers.evaluate("field => field.validationMessage")
    headers.fill("X-Event: due")
    dialog.get_by_label("Body").fill("new")
    live.button("Send").click()
    expect(dialog.locator(".resent h3")).to_contain_text("422")
    (request,) = target.requests
    assert (request.line, request.body) == ("PATCH /other?y HTTP/1.1", b"new")
    assert [value for name, value in request.headers if name == "X-Event"] == ["due"]


def test_a_body_of_bytes_is_sent_or_replaced(live: LivePage, target: HookTarget) -> None:
    live.mirror.send("POST", "/hook", b"\xff\x00", HEADERS)
    live.open("/hook")
    dialog = dialog_of(live)
    body = dialog.get_by_label("Body")
    expect(body).to_have_attribute("placeholder", "2 B that can't be edited. What you write replaces them.")
    live.button("Send").click()
    expect(dialog.locator(".resent h3")).to_contain_text("422")
    assert target.requests[0].body == b"\xff\x00"


def test_why_there_is_no_response_is_told(live: LivePage) -> None:
    live.mirror.send("POST", "/hook")
    live.open("/hook")
    dialog = dialog_of(live)
    dialog.get_by_label("To").select_option("http://127.0.0.1:1")
    live.button("Send").click()
    expect(dialog.get_by_role("alert")).to_have_text("There is no response of 127.0.0.1:1: nothing listens there")
    expect(dialog).to_be_visible()


def test_a_server_that_sends_nowhere_says_how(site: Site, visit: Visit) -> None:
    live = visit(site.mirror())
    live.mirror.send("POST", "/hook")
    live.open("/hook")
    dialog = dialog_of(live)
    expect(dialog).to_contain_text("reserve mirror --resend-to http://localhost:3000")
    expect(dialog.get_by_label("Method")).to_be_hidden()
    expect(live.button("Send")).to_be_hidden()
    live.button("Copy the command").click()
    request_id = live.mirror.newest()["id"]
    assert live.clipboard() == f"reserve resend '{live.mirror.page}#{request_id}' --to http://localhost:3000"
