"""Thousands of requests: all listed, few of them in the page."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LivePage, Site
from tests.kit import client
from tests.kit.traffic import Traffic

if TYPE_CHECKING:
    from tests.browser.conftest import NewPage, Visit
    from tests.kit.forks import Forks
    from tests.kit.mirrors import Mirror

MANY = 5000
VERY_MANY = 100_000
# Counts the rows that a page builds from its beginning on.
COUNT_ROWS = """
    window.built = 0;
    new MutationObserver((records) => {
        const added = records.filter(({ target }) => target.parentNode?.id === "list");
        for (const { addedNodes } of added) window.built += addedNodes.length;
    }).observe(document, { childList: true, subtree: true });
"""
ROWS = 40  # that may exist at a time: those in sight, and some more
PAGE = 50  # requests that are loaded at a time
HELD = 1000  # requests that the page knows at a time

# What fills a mirror from inside its server, which is much faster than by requests.
FILL = """
from reserve_mirror.store import Record

async def fill(request, response):
    store = request.configuration.mappings[1].state.store
    for number in range(int(request.query["first"]), int(request.query["end"])):
        await store.add("orders", Record(
            '{"time":"2026-01-31T12:00:00.000Z","method":"POST","path":"/%d","url":"http://127.0.0.1/r/orders/%d",'
            '"query":[],"headers":[["Host","127.0.0.1"]],"http_version":"1.1","remote":"127.0.0.1","size":4,'
            '"sha256":"","truncated":false}' % (number, number), b"body"))
    response.send("filled")
"""


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


@pytest.fixture(scope="module")
def orders(forks: Forks, command: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    """The mirror `orders` with very many requests, from `/0` on."""
    folder = tmp_path_factory.mktemp("very-many")
    mappings: list[dict[str, Any]] = [
        {"match": "^/fill", "custom": "./fill.py:fill"},
        {"match": "^(/.*)$", "mirror": "$1", "codes": ["orders"], "max-requests": VERY_MANY},
    ]
    (folder / "fill.py").write_text(FILL)
    (folder / "reserve.json").write_text(json.dumps({"mappings": mappings}, indent=2))
    site = Site(forks, command, folder, "--silent")
    site.start()
    fill(site.known("orders"), 0, VERY_MANY)
    yield site.known("orders")
    site.stop()


def fill(mirror: Mirror, first: int, end: int) -> None:
    """Has the server record the requests `/first` and so on."""
    url = f"{mirror.url.partition('/r/')[0]}/fill?first={first}&end={end}"
    assert client.ask(url).text == "filled"


def held(live: LivePage) -> int:
    """How many requests the list is as high as."""
    rows: int = live.page.locator("#list ol").evaluate(
        "list => list.offsetHeight / list.firstElementChild.offsetHeight"
    )
    return rows


def load(live: LivePage, count: int) -> None:
    """Scrolls to the end again and again until so many requests more have been loaded."""
    live.page.evaluate(
        """async (count) => {
            const list = document.querySelector("#list");
            const last = () => Number(list.querySelector("li:last-child").ariaPosInSet);
            const wanted = last() + count;
            while (last() < wanted) {
                list.scrollTop = list.scrollHeight;
                await new Promise((resolve) => requestAnimationFrame(resolve));
            }
        }""",
        count,
    )


def test_the_first_screen_of_very_many_is_one_short_list(orders: Mirror, new_page: NewPage) -> None:
    newest = orders.newest()["path"]
    page = new_page()
    page.add_init_script(COUNT_ROWS)
    traffic = Traffic(page)
    live = LivePage(page, orders)
    expect(live.page.locator("#count")).to_have_text("100,000 requests")
    expect(live.rows.first).to_contain_text(newest)
    assert traffic.lists == [PAGE]
    assert page.evaluate("built") < ROWS
    orders.send("POST", "/now")
    expect(live.rows.first).to_contain_text("/now")
    assert (traffic.lists, traffic.told) == ([PAGE], 1)


def test_the_memory_of_a_page_is_flat_however_far_one_goes(orders: Mirror, new_page: NewPage) -> None:
    page = new_page()
    traffic = Traffic(page)
    live = LivePage(page, orders)
    expect(live.rows.first).to_have_attribute("href", "#" + orders.newest()["id"])
    for _ in range(4):
        load(live, 500)
        assert live.rows.count() < ROWS
        assert held(live) <= HELD
    assert set(traffic.lists) == {PAGE}
    assert len(traffic.lists) >= 2000 // PAGE
    position = live.page.locator("#list li").last.get_attribute("aria-posinset")
    assert int(position or 0) > 2000
    expect(live.page.locator("#list li").last).to_have_attribute("aria-setsize", "100000")
    live.rows.last.click()
    live.page.keyboard.press("Home")
    expect(live.page.locator("#list li").first).to_have_attribute("aria-posinset", "1")
    assert held(live) <= PAGE
    fill(orders, VERY_MANY, VERY_MANY + 3000)
    expect(live.rows.first).to_contain_text("/102999")
    assert held(live) <= HELD
    assert live.rows.count() < ROWS


def test_one_goes_to_the_oldest_at_once_and_comes_back(many: Mirror, visit: Visit) -> None:
    live = visit(many)
    expect(live.page.locator("#count")).to_have_text("5,000 requests")
    expect(live.rows.first).to_contain_text("/4999")
    assert live.rows.count() < ROWS
    live.rows.first.focus()
    live.page.keyboard.press("End")
    expect(live.rows.last).to_contain_text("GET")
    expect(live.rows.last.locator(".target")).to_have_text("/0")
    expect(live.page.locator("#list li").last).to_have_attribute("aria-posinset", "5000")
    assert live.rows.count() < ROWS
    live.opened("/0")
    for _ in range(60):  # beyond what was loaded
        live.page.keyboard.press("ArrowUp")
    live.opened("/60")
    live.page.keyboard.press("Home")
    live.opened("/4999")
    live.page.keyboard.press("j")
    live.opened("/4998")


def test_scrolling_builds_what_comes_into_sight_only(many: Mirror, visit: Visit) -> None:
    """That is what keeps it smooth: a step of ten rows builds ten, wherever one is, and moves none."""
    live = visit(many)
    expect(live.page.locator("#count")).to_have_text("5,000 requests")
    load(live, 500)
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
            for (let place = 0; place < 500; place += 125) {
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
    live.page.get_by_role("searchbox", name="Filter").fill("post path:/4321")
    expect(live.rows).to_have_count(1)
    expect(live.page.locator("#count")).to_have_text("1 of 5,000 requests")


def test_a_search_goes_on_as_far_as_one_scrolls(many: Mirror, new_page: NewPage) -> None:
    page = new_page()
    live = LivePage(page, many)
    traffic = Traffic(page)
    page.get_by_role("searchbox", name="Filter").fill("method:get")
    expect(page.locator("#count")).to_have_text("50+ of 5,000 requests")
    assert traffic.lists == [PAGE]
    load(live, 200)
    assert max(traffic.lists) == PAGE
    expect(page.locator("#list li").last).to_have_attribute("aria-setsize", "-1")
    expect(live.rows.last).to_contain_text("GET")


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
