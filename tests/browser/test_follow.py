"""The newest request opens by itself while one follows, and the page tells what the mirror has dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.conftest import LivePage, Site, Visit


def is_on(live: LivePage) -> bool:
    return live.button("Follow").get_attribute("aria-pressed") == "true"


def test_the_newest_opens_while_one_follows(live: LivePage) -> None:
    live.mirror.send("GET", "/one")
    expect(live.rows).to_have_count(1)
    expect(live.detail).to_be_empty()
    live.button("Follow").click()
    live.opened("/one")
    live.mirror.send("GET", "/two")
    live.opened("/two")
    live.page.go_back()  # it takes the place of the one before in the history
    expect(live.detail).to_be_empty()
    live.mirror.send("GET", "/three")
    live.opened("/three")
    # Who chooses another one isn't taken away from it.
    live.open("/one")
    assert not is_on(live)
    live.mirror.send("GET", "/four")
    expect(live.rows).to_have_count(4)
    live.opened("/one")


def test_only_what_the_filter_shows_is_followed(live: LivePage) -> None:
    live.page.keyboard.press("f")
    assert is_on(live)
    live.page.get_by_role("searchbox", name="Filter").fill("post")
    expect(live.page.locator("#count")).to_have_text("0 of 0 requests")
    live.mirror.send("GET", "/one")
    live.mirror.send("POST", "/two")
    live.opened("/two")
    live.mirror.send("GET", "/three")
    expect(live.page.locator("#count")).to_have_text("1 of 3 requests")
    live.opened("/two")


def test_it_is_remembered(live: LivePage) -> None:
    live.button("Follow").click()
    live.page.reload()
    live.wait_connected()
    assert is_on(live)


def test_what_was_dropped_is_told(site: Site, visit: Visit) -> None:
    mirror = site.mirror(base="/few")
    for number in range(3):
        mirror.send("GET", f"/{number}")
    live = visit(mirror)
    expect(live.page.locator("#dropped")).to_be_hidden()
    for number in range(2):
        mirror.send("GET", f"/more-{number}")
    expect(live.page.locator("#dropped")).to_have_text("newest 3 kept, 2 dropped")
    live.page.reload()
    expect(live.page.locator("#dropped")).to_have_text("newest 3 kept, 2 dropped")
