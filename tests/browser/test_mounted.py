"""The pages work wherever they are mounted, and behind a proxy that shows them at another path."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Ask, NewSite, Site

DEEP = "/some/where/mirror"


@pytest.fixture(params=["mounted", "proxied"])
def base(request: pytest.FixtureRequest, site: Site, new_site: NewSite) -> str:
    """Where the home page is, without a slash at the end."""
    if request.param == "mounted":
        return site.url + DEEP
    mapping = {"match": "^/outside(/.*)$", "url": f"{site.url}{DEEP}$1", "preserve-host": True}
    return new_site(mappings=[mapping]).url + "/outside"


def test_a_mirror_from_its_making_to_its_end(page: Page, base: str, ask: Ask) -> None:
    page.goto(f"{base}/")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#connection")).to_have_text("Live")
    assert page.url.startswith(f"{base}/v/")
    url = page.url.replace("/v/", "/r/")
    expect(page.locator("#welcome .address code")).to_have_text(url)

    ask(f"{url}/hello?a=1", "POST", b"\0hello", [("X-Test", "1")])
    page.locator("#list a").click()
    detail = page.locator("#detail")
    expect(detail.locator("h2")).to_have_text("POST /hello?a=1")
    with page.expect_download() as downloading:
        detail.get_by_role("link", name="Download the body").click()
    assert Path(downloading.value.path()).read_bytes() == b"\0hello"

    page.keyboard.press("c")
    expect(page.locator("#toast")).to_have_text("Copied as cURL")
    command = page.evaluate("navigator.clipboard.readText()")
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    expect(page.locator("#list a")).to_have_count(2)

    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#list a")).to_have_count(0)
    page.get_by_role("link", name="reserve mirror: home").click()
    expect(page).to_have_url(f"{base}/")
