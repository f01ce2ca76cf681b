"""What is deleted is gone from sight at once, and can be taken back; the server deletes it when that time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.kit.waiting import wait_until

if TYPE_CHECKING:
    from tests.browser.conftest import LivePage

PATHS = ("/one", "/two", "/three")


@pytest.fixture
def live(live: LivePage) -> LivePage:
    """A page with three requests, whose time passes only as it is told."""
    live.page.clock.install()
    for path in PATHS:
        live.mirror.send("GET", path)
    expect(live.rows).to_have_count(len(PATHS))
    return live


def listed(live: LivePage) -> list[str]:
    return live.page.locator("#list .target").all_inner_texts()


def kept(live: LivePage) -> list[str]:
    return [request["path"] for request in live.mirror.requests()]


def test_what_was_deleted_is_taken_back(live: LivePage) -> None:
    live.open("/two")
    live.button("Delete").click()
    live.opened("/one")
    live.page.keyboard.press("x")
    expect(live.rows).to_have_count(1)
    expect(live.page.locator("#count")).to_have_text("1 request")
    expect(live.page.locator("#undo")).to_contain_text("2 requests deleted")
    live.button("Undo").click()
    expect(live.rows).to_have_count(3)
    expect(live.page.locator("#undo")).to_be_hidden()
    live.page.clock.run_for(20_000)
    assert kept(live) == list(PATHS)


def test_it_is_deleted_when_the_time_is_over(live: LivePage) -> None:
    live.open("/two")
    live.page.keyboard.press("x")
    live.opened("/one")
    live.page.clock.run_for(5_000)
    assert kept(live) == list(PATHS)
    live.page.clock.run_for(5_000)
    expect(live.page.locator("#undo")).to_be_hidden()
    wait_until(lambda: kept(live) == ["/one", "/three"])
    assert listed(live) == ["/three", "/one"]


def test_who_points_at_undo_has_all_the_time(live: LivePage) -> None:
    live.open("/two")
    live.page.keyboard.press("x")
    live.page.locator("#undo").hover()
    live.page.clock.run_for(60_000)
    live.page.keyboard.press("z")
    expect(live.rows).to_have_count(3)
    assert kept(live) == list(PATHS)


def test_all_are_cleared_but_for_those_that_come_later(live: LivePage) -> None:
    live.open("/two")
    live.button("Clear").click()
    expect(live.rows).to_have_count(0)
    expect(live.button("Clear")).to_be_disabled()
    expect(live.page.locator("#undo")).to_contain_text("3 requests deleted")
    expect(live.detail).to_contain_text("/two")
    live.mirror.send("GET", "/four")
    expect(live.rows).to_have_count(1)
    live.page.clock.run_for(10_000)
    wait_until(lambda: kept(live) == ["/four"])
    expect(live.rows).to_have_count(1)
    expect(live.page.locator("#count")).to_have_text("1 request")
    # What one is reading stays.
    expect(live.detail).to_contain_text("This request isn't kept any more")
    live.detail.get_by_role("tab", name="Headers").click()
    expect(live.detail.get_by_role("table", name="Headers")).to_be_visible()


def test_a_clear_is_taken_back(live: LivePage) -> None:
    live.button("Clear").click()
    expect(live.rows).to_have_count(0)
    live.button("Undo").click()
    expect(live.rows).to_have_count(3)
    expect(live.page.locator("#count")).to_have_text("3 requests")
    assert kept(live) == list(PATHS)


def test_who_leaves_the_page_has_deleted(live: LivePage) -> None:
    live.open("/two")
    live.page.keyboard.press("x")
    live.opened("/one")
    live.page.goto("about:blank")
    wait_until(lambda: kept(live) == ["/one", "/three"])


def test_what_the_server_does_not_delete_is_seen_again(live: LivePage) -> None:
    live.open("/two")
    live.page.keyboard.press("x")
    live.opened("/one")
    live.page.route("**/requests/*", lambda route: route.abort())
    live.page.clock.run_for(10_000)
    expect(live.page.locator("#toast")).to_have_text("The server can't be reached")
    expect(live.rows).to_have_count(3)
