"""What is captured shows up on the page, and what goes disappears, without a refresh."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Ask, LivePage, Site, Visit
    from tests.kit.mirrors import Mirror

FORM = "multipart/form-data; boundary=frontier"
UPLOAD = (
    b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\r\n--frontier--\r\n"
)
KINDS = {
    "GET": ("GET", "/plain?a=1", b"", []),
    "JSON": ("POST", "/json", b'{"a": 1}', [("Content-Type", "application/json")]),
    "upload": ("POST", "/upload", UPLOAD, [("Content-Type", FORM)]),
    "binary": ("PUT", "/binary", bytes(range(256)), [("Content-Type", "application/octet-stream")]),
    "duplicate headers": ("DELETE", "/headers", b"", [("X-Same", "one"), ("X-Same", "two")]),
    "compressed": ("PATCH", "/gzip", gzip.compress(b"text"), [("Content-Encoding", "gzip")]),
}


def test_a_request_shows_up_at_once(live: LivePage) -> None:
    """The server says so, in one message of the WebSocket: the page asks for nothing, now and then or at all."""
    asked: list[str] = []
    live.page.on("request", lambda request: asked.append(request.url))
    for count, (method, path, body, headers) in enumerate(KINDS.values(), 1):
        assert live.mirror.send(method, path, body, headers).body == b"OK"
        expect(live.rows).to_have_count(count)
        expect(live.rows.first).to_contain_text(method)
        expect(live.rows.first).to_contain_text(path.partition("?")[0])
    assert asked == []


def test_an_empty_page_says_what_to_send(live: LivePage) -> None:
    welcome = live.page.locator("#welcome")
    expect(welcome.get_by_role("heading", name="Waiting for the first request")).to_be_visible()
    expect(welcome.locator(".address code")).to_have_text(live.mirror.url)
    welcome.get_by_role("button", name="Copy the URL").click()
    assert live.clipboard() == live.mirror.url
    welcome.get_by_role("button", name="Copy the command: JSON").click()
    assert live.clipboard().startswith(f"curl {live.mirror.url}/hello ")
    live.mirror.send("GET")
    expect(welcome.get_by_role("heading", name="Send requests here")).to_be_visible()


def test_newest_on_top_with_method_path_type_and_size(live: LivePage) -> None:
    for method, path, body, headers in KINDS.values():
        live.mirror.send(method, path, body, headers)
    expect(live.rows).to_have_count(len(KINDS))
    assert [row.split("\n")[:2] for row in live.rows.all_inner_texts()] == [
        [method, path] for method, path, *_ in reversed(KINDS.values())
    ]
    expect(live.rows.filter(has_text="/json")).to_contain_text("application/json · 8 B")
    expect(live.rows.filter(has_text="/plain")).to_contain_text("no body")


def test_what_was_captured_before_is_there_and_read(mirror: Mirror, visit: Visit) -> None:
    mirror.send("GET", "/one")
    mirror.send("GET", "/two")
    live = visit(mirror)
    expect(live.rows).to_have_count(2)
    expect(live.page).to_have_title(f"{mirror.code} · reserve mirror")
    expect(live.button("Mark all as read")).to_be_hidden()


def test_what_is_unread_is_counted_in_the_title(live: LivePage) -> None:
    for path in ("/one", "/two", "/three"):
        live.mirror.send("GET", path)
    expect(live.page).to_have_title(re.compile(r"^\(3\) "))
    live.open("/two")
    expect(live.page).to_have_title(re.compile(r"^\(2\) "))
    expect(live.page.locator("#list li.unread")).to_have_count(2)
    live.page.locator("#read-all").click()
    expect(live.page).to_have_title(f"{live.mirror.code} · reserve mirror")
    expect(live.page.locator("#list li.unread")).to_have_count(0)


def test_new_requests_are_announced_together(page: Page, mirror: Mirror) -> None:
    page.clock.install()
    page.goto(mirror.page)
    expect(page.locator("#connection")).to_have_text("Live")
    mirror.send("GET", "/first")
    announcer = page.locator("#announcer")
    expect(announcer).to_have_text("1 new request, the last one GET /first")
    mirror.send("GET", "/second")
    mirror.send("POST", "/third")
    expect(page.locator("#list a")).to_have_count(3)
    expect(announcer).to_have_text("1 new request, the last one GET /first")
    page.clock.run_for(5000)
    expect(announcer).to_have_text("2 new requests, the last one POST /third")


def test_ages_count_up(page: Page, mirror: Mirror) -> None:
    mirror.send("GET", "/old")
    page.clock.install()
    page.goto(mirror.page)
    age = page.locator("#list .age")
    expect(age).to_have_text(re.compile("now|1 s"))
    page.clock.run_for(61_000)
    expect(age).to_have_text("1 min")
    page.clock.run_for(2 * 3600_000)
    expect(age).to_have_text("2 h")


def test_expiry_counts_down_and_is_put_off(page: Page, mirror: Mirror) -> None:
    page.clock.install()
    page.goto(mirror.page)
    expiry = page.locator("#expiry")
    expect(page.locator("#connection")).to_have_text("Live")
    page.clock.run_for(1000)
    expect(expiry).to_have_text(re.compile(r"expires in (1 d|23 h 59 min)"))
    page.clock.run_for(2 * 3600_000)
    expect(expiry).to_have_text(re.compile(r"expires in 21 h 59 min|expires in 22 h"))


@pytest.mark.parametrize("hours", [2, -2])
def test_times_are_by_the_servers_clock(page: Page, mirror: Mirror, hours: int) -> None:
    mirror.send("GET", "/new")
    page.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))
    page.goto(mirror.page)
    expect(page.locator("#list .age")).to_have_text(re.compile(r"^(now|\d+ s)$"))
    expect(page.locator("#expiry")).to_have_text(re.compile(r"expires in (1 d|23 h 59 min)"))
    # A clock that is put right meanwhile is followed: each answer of the server tells its time.
    page.clock.set_fixed_time(datetime.now(UTC))
    page.locator("#list a").click()
    expect(page.locator("#detail .facts")).to_contain_text(re.compile(r"\d\d\d \S+ · (just now|\d+ s ago)"))
    page.evaluate("location.hash = ''")
    expect(page.locator("#list .age")).to_have_text(re.compile(r"^(now|\d+ s)$"))


def test_a_pause_holds_requests_back(live: LivePage) -> None:
    live.mirror.send("GET", "/before")
    expect(live.rows).to_have_count(1)
    live.button("Pause").click()
    expect(live.page.locator("#connection")).to_have_text("Paused")
    live.mirror.send("GET", "/meanwhile")
    live.button("Pause").click()
    expect(live.rows).to_have_count(2)
    expect(live.rows.first).to_contain_text("/meanwhile")


def test_pages_follow_each_other(live: LivePage, visit: Visit) -> None:
    other = visit(live.mirror)
    for path in ("/one", "/two", "/three"):
        live.mirror.send("GET", path)
    expect(other.rows).to_have_count(3)
    live.open("/two")
    live.delete("Delete")
    expect(other.rows).to_have_count(2)
    expect(other.rows.filter(has_text="/two")).to_have_count(0)
    other.delete("Clear")
    expect(live.rows).to_have_count(0)


def test_a_request_deleted_elsewhere_is_said_to_be_gone(live: LivePage, visit: Visit) -> None:
    live.mirror.send("GET", "/one")
    other = visit(live.mirror)
    live.open("/one")
    other.open("/one")
    live.delete("Delete")
    expect(other.detail.locator(".note[role=status]")).to_contain_text("This request isn't kept any more")


def test_the_oldest_goes_when_there_are_too_many(site: Site, visit: Visit) -> None:
    mirror = site.mirror(base="/few")
    live = visit(mirror)
    for number in range(5):
        mirror.send("GET", f"/{number}")
    expect(live.rows.first).to_contain_text("/4")
    expect(live.rows).to_have_count(3)


def test_a_deleted_mirror_is_said_to_be_gone(live: LivePage, ask: Ask) -> None:
    live.mirror.send("GET", "/one")
    expect(live.rows).to_have_count(1)
    assert ask(live.mirror.api, "DELETE").status == 204
    expect(live.page.locator("#ended")).to_contain_text("This mirror was deleted.")
    expect(live.page.locator("#connection")).to_have_text("Closed")
    expect(live.rows).to_have_count(1)
