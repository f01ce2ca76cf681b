"""examples/chat in Chromium: people in browsers of their own talk to each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_look import LOOKS, SIZES, check

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import NewPage, NewSite, Site

SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>&amp;<b>bold</b>"

Join = Callable[..., "Person"]


class Person:
    """A page of the chat, whose person has joined."""

    def __init__(self, page: Page, url: str, name: str) -> None:
        self.page = page
        page.goto(url)
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Join").click()
        self.log = page.get_by_role("log")
        self.people = page.locator("#people")
        self.connection = page.get_by_role("status")
        self.text = page.get_by_label("Message", exact=True)
        expect(self.connection).to_have_text("Connected")

    def says(self, text: str) -> None:
        self.text.fill(text)
        self.text.press("Enter")
        expect(self.text).to_have_value("")

    def heard(self) -> list[tuple[str, str]]:
        """Who has said what, from top to bottom."""
        items = self.log.locator("li:not(.event)").all()
        return [(item.get_attribute("data-name") or "", item.locator("p").inner_text()) for item in items]


@pytest.fixture
def site(new_site: NewSite, project: Path) -> Site:
    return new_site("--config", str(project / "examples" / "chat" / "reserve.json"), "--silent")


@pytest.fixture
def join(new_page: NewPage, site: Site) -> Join:
    """Joins in a browser profile of one's own: `join("Ada", viewport=...)`."""

    def join(name: str, **options: object) -> Person:
        return Person(new_page(**options), site.url, name)

    return join


def test_two_people_talk(join: Join) -> None:
    ada = join("Ada")
    expect(ada.people).to_have_text("1 here: Ada")
    ben = join("Ben")
    for person in (ada, ben):
        expect(person.people).to_have_text("2 here: Ada, Ben")
    expect(ada.log).to_contain_text("Ben joined")
    ada.says("Hello Ben")
    expect(ben.log.locator("li p")).to_have_text("Hello Ben")
    ben.says("Hello Ada")
    for person in (ada, ben):
        expect(person.log.locator("li p")).to_have_text(["Hello Ben", "Hello Ada"])
        assert person.heard() == [("Ada", "Hello Ben"), ("Ben", "Hello Ada")]
    expect(ada.log.locator(".own p")).to_have_text(["Hello Ben"])
    ben.page.get_by_role("button", name="Leave").click()
    expect(ada.log).to_contain_text("Ben left")
    expect(ada.people).to_have_text("1 here: Ada")
    expect(ben.page.get_by_label("Your name")).to_have_value("Ben")


def test_who_comes_later_sees_the_last_messages(join: Join) -> None:
    ada = join("Ada")
    for number in range(60):
        ada.says(f"Message {number}")
    expect(ada.log.locator("li p")).to_have_count(60)
    ben = join("Ben")
    expect(ben.log.locator("li p")).to_have_text([f"Message {number}" for number in range(10, 60)])
    expect(ben.log.locator("li").last).to_be_in_viewport()


def test_a_name_belongs_to_one(join: Join) -> None:
    first, second = join("Ada"), join("  Ada ")
    expect(first.people).to_have_text("2 here: Ada, Ada 2")
    second.says("Which one am I?")
    expect(first.log.locator("b")).to_have_text("Ada 2")
    expect(second.log.locator(".own b")).to_have_text("Ada 2")


def test_text_is_never_markup(join: Join) -> None:
    ada, ben = join(SCRIPT[:30]), join("Ben")
    ada.says(SCRIPT)
    for person in (ada, ben):
        expect(person.log.locator("li p")).to_have_text(SCRIPT)
        expect(person.log.locator("b")).to_have_text(SCRIPT[:30])
        expect(person.people).to_contain_text(SCRIPT[:30])
        assert person.log.locator("img, script").count() == 0


def test_lines_and_blanks_stay(join: Join) -> None:
    ada = join("Ada")
    ada.text.fill("one")
    ada.text.press("Shift+Enter")
    ada.text.press_sequentially("  two")
    ada.text.press("Enter")
    expect(ada.log.locator("li p")).to_be_visible()
    assert ada.heard() == [("Ada", "one\n  two")]
    ada.text.fill(" \n ")
    ada.text.press("Enter")
    ada.says("after nothing")
    expect(ada.log.locator("li p")).to_have_count(2)


def test_pages_come_back_when_the_server_does(join: Join, site: Site) -> None:
    ada, ben = join("Ada"), join("Ben")
    ada.says("Before")
    expect(ben.log.locator("li p")).to_have_text("Before")
    site.stop()
    for person in (ada, ben):
        expect(person.connection).to_have_text("Reconnecting…")
    ada.text.fill("Written meanwhile")
    ada.text.press("Enter")
    expect(ada.text).to_have_value("Written meanwhile")
    time.sleep(1)  # some tries fail
    site.start()
    for person in (ada, ben):
        expect(person.connection).to_have_text("Connected")
        expect(person.people).to_have_text("2 here: Ada, Ben")
    ada.text.press("Enter")
    for person in (ada, ben):
        expect(person.log.locator("li p")).to_have_text(["Before", "Written meanwhile"])


def test_a_connection_that_is_lost_doubles_nothing(new_page: NewPage, site: Site) -> None:
    page = new_page()
    page.add_init_script("WebSocket = class extends WebSocket { constructor(url) { super(url); window.last = this; } }")
    ada = Person(page, site.url, "Ada")
    ada.says("One")
    expect(ada.log.locator("li p")).to_have_text("One")
    page.evaluate("last.close()")
    expect(ada.connection).to_have_text("Reconnecting…")
    expect(ada.connection).to_have_text("Connected")
    ada.says("Two")
    expect(ada.log.locator("li p")).to_have_text(["One", "Two"])


def test_what_nobody_has_heard_comes_back_to_be_sent_again(join: Join, site: Site) -> None:
    ada = join("Ada")
    site.freeze()
    ada.says("Into the void")
    site.stop()
    expect(ada.text).to_have_value("Into the void")
    assert ada.heard() == []


def test_a_reload_goes_on_where_it_was(join: Join) -> None:
    ada, ben = join("Ada"), join("Ben")
    ada.says("One")
    expect(ben.log.locator("li p")).to_have_text("One")
    ben.page.reload()
    expect(ben.connection).to_have_text("Connected")
    ada.says("Two")
    expect(ben.log.locator("li p")).to_have_text(["One", "Two"])


def test_a_reader_of_old_messages_is_not_pulled_away(join: Join) -> None:
    ada, ben = join("Ada"), join("Ben", viewport={"width": 390, "height": 600})
    for number in range(40):
        ada.says(f"Message {number}")
    expect(ben.log.locator("li p")).to_have_count(40)
    ben.page.locator("#scroll").evaluate("scroll => scroll.scrollTop = 0")
    ada.says("The newest")
    newer = ben.page.get_by_role("button", name="New messages")
    expect(newer).to_be_visible()
    expect(ben.log.locator("li p").first).to_be_in_viewport()
    newer.click()
    expect(ben.log.get_by_text("The newest")).to_be_in_viewport()
    expect(newer).to_be_hidden()


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_it_looks_right(join: Join, new_page: NewPage, site: Site, size: str, theme: str) -> None:
    door = new_page(color_scheme=theme, **SIZES[size])
    door.goto(site.url)
    expect(door.get_by_label("Your name")).to_be_focused()
    check(door, f"chat-door-{size}-{theme}")
    grace = join("Grace")
    grace.says("The bug was a moth, by the way.")
    grace.says("I have taped it into the log book: https://example.com/" + "moth" * 30)
    ada = join("Ada", color_scheme=theme, **SIZES[size])
    ada.says("Lovely. Does the engine run again?")
    join("Ben").says("It does!\nEvery column carries.")
    ada.says("Then let us weave algebraical patterns, just as the Jacquard loom weaves flowers and leaves.")
    expect(ada.log.locator("li p")).to_have_count(5)
    assert len(set(ada.log.locator("[data-color]").evaluate_all("all => all.map((one) => one.dataset.color)"))) == 3
    check(ada.page, f"chat-room-{size}-{theme}")
