"""Pages of another origin, in a real browser: what `reserve --cors` lets them read, and that nothing does without."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import NewSite, Site

MAPPINGS: list[dict[str, Any]] = [
    {"match": "/api", "custom": ["answer", {"status": 201, "headers": {"x-request-id": "7"}}]},
    {"match": "/page", "custom": ["<h1>A page</h1>", {"headers": {"content-type": "text/html"}}]},
    {"status": 404},
]
ASK = """async ([url, options]) => {
    const answer = await fetch(url, options);
    return [answer.status, await answer.text(), answer.headers.get("x-request-id")];
}"""
# Each asks for a preflight: the method, and headers that a "*" alone doesn't allow.
PREFLIGHTED: dict[str, Any] = {
    "method": "PUT",
    "headers": {"Authorization": "Bearer a", "Content-Type": "application/json", "X-Mine": "1"},
    "body": "{}",
}


@pytest.fixture
def elsewhere(new_site: NewSite, page: Page) -> Page:
    """A page of another origin."""
    page.goto(f"{new_site(mappings=MAPPINGS).url}/page")
    return page


@pytest.fixture
def open_site(new_site: NewSite) -> Site:
    return new_site("--cors", mappings=MAPPINGS)


@pytest.mark.parametrize("options", [{}, PREFLIGHTED], ids=["simple", "preflighted"])
def test_a_page_of_another_origin_reads_answers(elsewhere: Page, open_site: Site, options: dict[str, Any]) -> None:
    assert elsewhere.evaluate(ASK, [f"{open_site.url}/api", options]) == [201, "answer", "7"]
    assert elsewhere.evaluate(ASK, [f"{open_site.url}/missing", options])[:2] == [404, "Not found"]


def test_it_reads_none_otherwise(new_site: NewSite, browser: Browser) -> None:
    closed = new_site(mappings=MAPPINGS)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{new_site(mappings=MAPPINGS).url}/page")
    refused = page.evaluate("url => fetch(url).then(() => 'read', error => error.name)", f"{closed.url}/api")
    context.close()
    assert refused == "TypeError"
