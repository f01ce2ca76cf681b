"""The home page, where mirrors are made, and the pages for what can't be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DEEP

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Ask, LivePage, NewPage, NewSite, Site
    from tests.kit.mirrors import Mirror


@pytest.fixture
def home(page: Page, site: Site) -> Page:
    page.goto(site.url)
    return page


def create(page: Page, name: str) -> None:
    page.get_by_label("Name of the new mirror").fill(name)
    page.get_by_role("button", name="Create").click()


def test_a_mirror_of_a_random_name(home: Page) -> None:
    create(home, "")
    expect(home).to_have_url(re.compile(r"/v/[\w-]{22}$"))
    expect(home.locator("#connection")).to_have_text("Live")


def test_a_mirror_of_a_name_and_back(home: Page, site: Site) -> None:
    create(home, "my-own_1.v2")
    expect(home).to_have_url(f"{site.url}/v/my-own_1.v2")
    expect(home.get_by_role("heading", level=1)).to_have_text("my-own_1.v2")
    expect(home.locator("#connection")).to_have_text("Live")
    home.get_by_role("link", name="reserve mirror: home").click()
    expect(home).to_have_url(f"{site.url}/")


def test_a_name_that_is_taken(home: Page, mirror: Mirror) -> None:
    with home.expect_response(lambda response: response.request.method == "POST") as answer:
        create(home, mirror.code)
    assert answer.value.status == 409
    expect(home.get_by_role("alert")).to_contain_text(mirror.code)
    expect(home.get_by_label("Name of the new mirror")).to_have_value(mirror.code)
    home.get_by_role("link", name="Open it").click()
    expect(home).to_have_url(mirror.page)


def test_a_name_that_cannot_be(home: Page) -> None:
    create(home, "no spaces")
    assert home.locator("#code").evaluate("field => field.validity.patternMismatch")
    with home.expect_response(lambda response: response.request.method == "POST") as answer:
        home.evaluate("document.querySelector('form').submit()")
    assert answer.value.status == 422
    expect(home.get_by_role("alert")).to_contain_text("can't be a name")


def test_a_mirror_that_does_not_exist(page: Page, site: Site) -> None:
    answer = page.goto(f"{site.url}/v/unknown")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("404 Not found")
    page.get_by_role("link", name="Home").click()
    expect(page).to_have_url(f"{site.url}/")


def copied(page: Page, part: str) -> str:
    """What a page has copied, once it has this part."""
    read = "part => navigator.clipboard.readText().then((text) => text.includes(part) && text)"
    text: str = page.wait_for_function(read, arg=part).json_value()
    return text


def test_a_public_mirror_has_an_address_for_each(new_site: NewSite, new_page: NewPage, ask: Ask) -> None:
    """Who made it changes it, who got its link looks at it, and who sends to it sees nothing."""
    site = new_site("mirror", "--public")
    own, other = new_page(), new_page()
    own.goto(site.url)
    own.get_by_role("button", name="Create a mirror").click()
    expect(own).to_have_url(re.compile(r"/v/read-[\w-]{22}$"))
    expect(own.locator("#connection")).to_have_text("Live")
    url = own.locator(".address code").first.inner_text()
    assert re.fullmatch(rf"{site.url}/r/[\w-]{{22}}", url)
    assert ask(f"{url}/hook", "POST", b"x" * 100_000).status == 200

    own.get_by_role("button", name="Share").click()
    link = copied(own, "/v/share-")
    other.goto(link)
    expect(other.get_by_role("heading", level=1)).to_have_text(url.rpartition("/")[2])
    for page in (own, other):
        page.locator("#list a").filter(has_text="/hook").click()
        expect(page.locator("#detail h2")).to_contain_text("/hook")
    expect(own.get_by_role("button", name="Delete")).to_be_visible()
    for name in ("Delete", "Clear", "Response…", "Share"):
        expect(other.get_by_role("button", name=name)).to_have_count(0)
    other.keyboard.press("e")
    other.keyboard.press("x")
    expect(other.locator("dialog[open]")).to_have_count(0)

    # What is copied to be passed on allows no more than to look.
    own.get_by_role("button", name="Copy link").click()
    assert copied(own, "#") == other.url
    own.locator("summary", has_text="Copy as").click()
    own.get_by_role("button", name="cURL").click()
    command = copied(own, "curl")
    assert f"/api/mirrors/{link.rpartition('/')[2]}/requests/" in command
    assert "read-" not in command

    own.get_by_role("button", name="Delete").click()
    own.evaluate("dispatchEvent(new Event('pagehide'))")
    expect(other.locator("#list a")).to_have_count(0)
    answer = own.goto(url.replace("/r/", "/v/"))
    assert answer is not None
    assert answer.status == 404


def test_who_types_the_address_has_a_new_mirror(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/new")
    expect(page).to_have_url(re.compile(rf"^{site.url}/v/[\w-]{{22}}$"))
    expect(page.locator("#connection")).to_have_text("Live")


def test_mirrors_looked_at_before_are_at_hand(page: Page, site: Site, ask: Ask) -> None:
    mirrors = [site.mirror(), site.mirror(), site.mirror(base=DEEP)]
    for mirror in mirrors:
        page.goto(mirror.page)
        expect(page.locator("#connection")).to_have_text("Live")
    assert ask(mirrors[0].api, "DELETE").status == 204
    page.goto(f"{site.url}/")
    recent = page.locator("#recent")
    expect(recent.get_by_role("link")).to_have_text([mirrors[1].code])  # of this place, if it still exists
    recent.get_by_role("link").click()
    expect(page).to_have_url(mirrors[1].page)
    page.go_back()
    recent.get_by_role("button", name="Forget them").click()
    expect(recent).to_be_hidden()
    page.reload()
    expect(recent).to_be_hidden()


def test_a_deleted_mirror_is_forgotten_by_its_page(live: LivePage, site: Site, ask: Ask) -> None:
    assert ask(live.mirror.api, "DELETE").status == 204
    expect(live.page.locator("#ended")).to_be_visible()
    assert live.mirror.code not in live.page.evaluate("JSON.stringify({ ...localStorage })")
