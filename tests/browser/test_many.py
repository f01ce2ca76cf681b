"""Thousands of requests: all listed, few of them in the page."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import Site, Visit
    from tests.kit.mirrors import Mirror

MANY = 5000
ROWS = 40  # that may exist at a time: those in sight, and some more


@pytest.fixture(scope="module")
def many(site: Site) -> Mirror:
    """A mirror with that many requests."""
    mirror = site.mirror()
    parts = urlsplit(mirror.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    for number in range(MANY):
        connection.request("POST" if number % 2 else "GET", f"{parts.path}/{number}", headers={"X-Number": str(number)})
        connection.getresponse().read()
    connection.close()
    return mirror


def test_all_are_listed_by_few_rows(many: Mirror, visit: Visit) -> None:
    live = visit(many)
    expect(live.page.locator("#count")).to_have_text("5,000 requests")
    expect(live.rows.first).to_contain_text("/4999")
    assert live.rows.count() < ROWS
    live.page.locator("#list").evaluate("list => list.scrollTo(0, list.scrollHeight)")
    expect(live.rows.last).to_contain_text("GET")
    expect(live.rows.last.locator(".target")).to_have_text("/0")
    expect(live.page.locator("#list li").last).to_have_attribute("aria-posinset", "5000")
    assert live.rows.count() < ROWS


def test_scrolling_builds_what_comes_into_sight_only(many: Mirror, visit: Visit) -> None:
    """That is what keeps it smooth: a step of ten rows builds ten, wherever one is, and moves none."""
    live = visit(many)
    expect(live.page.locator("#count")).to_have_text("5,000 requests")
    built = live.page.evaluate(
        """() => {
            const list = document.querySelector("#list");
            const rows = list.querySelector("ol");
            const height = rows.firstElementChild.offsetHeight;
            const watch = new MutationObserver(() => {});
            watch.observe(rows, { childList: true });
            const scroll = (top) => {
                list.scrollTop = top;
                list.dispatchEvent(new Event("scroll"));
                return watch.takeRecords().reduce((sum, { addedNodes }) => sum + addedNodes.length, 0);
            };
            const built = [];
            for (let place = 0; place < 4000; place += 1000) {
                scroll(place * height);
                for (let step = 1; step <= 10; step += 1) built.push(scroll((place + 10 * step) * height));
            }
            return built;
        }"""
    )
    assert built == [10] * 40, built


def test_the_filter_finds_one_of_all(many: Mirror, visit: Visit) -> None:
    live = visit(many)
    expect(live.page.locator("#count")).to_have_text("5,000 requests")
    live.page.get_by_role("searchbox").fill("post path:/4321")
    expect(live.rows).to_have_count(1)
    expect(live.page.locator("#count")).to_have_text("1 of 5,000 requests")


def test_who_has_scrolled_down_is_not_moved(many: Mirror, visit: Visit) -> None:
    live = visit(many)
    expect(live.page.locator("#count")).to_have_text("5,000 requests")
    live.page.locator("#list").evaluate("list => list.scrollTo(0, 100_010)")
    expect(live.rows.filter(has_text="/4999")).to_have_count(0)
    row = live.rows.nth(10)
    path = row.locator(".target").inner_text()
    same = live.rows.filter(has_text=path)
    before = same.bounding_box()
    for number in range(3):
        many.send("GET", f"/new/{number}")
    expect(live.page.locator("#count")).to_have_text("5,003 requests")
    assert same.bounding_box() == before
    same.click()
    live.page.keyboard.press("Home")
    live.opened("/new/2")
    expect(live.rows.filter(has_text="/new/2")).to_be_in_viewport()
