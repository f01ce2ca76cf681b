"""The home page, where mirrors are made, and the pages for what can't be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Site
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
