"""`reserve ./dist` in a real browser: a built site of several pages, and the API behind it. Nothing may be broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import NewPage, NewSite

HEAD = '<!DOCTYPE html><html lang="fr"><link rel="icon" href="/icon.svg"><title>Café</title>'
SITE = {
    "icon.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>',
    "index.html": f'{HEAD}<script defer src="app.js"></script><h1>Café</h1><p></p><a href="guide">Guide</a>',
    "app.js": 'document.querySelector("p").textContent = "crème brûlée ☕";',
    # Links as tools write them: relative to the page.
    "guide/index.html": f'{HEAD}<link rel="stylesheet" href="style.css"><h1>Guide</h1><a href="first/steps">Étapes</a>',
    "guide/style.css": 'h1 { color: rgb(1, 2, 3) } h1::after { content: " déjà" }',
    "guide/first/steps/index.html": f"""{HEAD}<link rel="stylesheet" href="../../style.css"><h1>Steps</h1>
        <script type="module" src="steps.mjs"></script><p></p><a href="../..">Back</a> <a href="notes.txt">Notes</a>""",
    "guide/first/steps/steps.mjs": 'document.querySelector("p").textContent = "à suivre";',
    "guide/first/steps/notes.txt": "naïve façade ☕",
    "guide/readme.md": "# Où ça?",
    "without/page.txt": "déjà vu",
    "login/index.html": f'{HEAD}<form method="post" action="/api/login"><button>Enter</button></form>',
    ".well-known/assetlinks.json": '["café"]',
    ".env": "SECRET=1",
}
API = """
def login(request, response):
    cookie = "session=17; Domain=localhost; Path=/v1; HttpOnly"
    _, port = request.local
    return [None, {"status": 303, "headers": {"location": f"http://localhost:{port}/v1/me", "set-cookie": cookie}}]

def me(request, response):
    page = f"<!DOCTYPE html><title>Moi</title><h1>session {request.cookies.get('session')}</h1>"
    return [page, {"headers": {"content-type": "text/html"}}]
"""


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    for name, text in SITE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def watched(new_page: NewPage) -> Iterator[Page]:
    """A page; at its end all that it asked for must have been answered well."""
    page = new_page()
    broken: list[str] = []

    def on_response(response: Response) -> None:
        if response.status >= 400:
            broken.append(f"{response.status} {response.url}")

    page.on("response", on_response)
    page.on("requestfailed", lambda request: broken.append(f"{request.failure} {request.url}"))
    yield page
    assert broken == []


def test_a_built_site_works(new_site: NewSite, dist: Path, watched: Page) -> None:
    site = new_site(str(dist))
    watched.goto(f"{site.url}/")
    expect(watched.locator("p")).to_have_text("crème brûlée ☕")
    watched.get_by_text("Guide").click()
    expect(watched).to_have_url(f"{site.url}/guide/")
    expect(watched.locator("h1")).to_have_css("color", "rgb(1, 2, 3)")
    assert watched.evaluate("getComputedStyle(document.querySelector('h1'), '::after').content") == '" déjà"'
    watched.get_by_text("Étapes").click()
    expect(watched).to_have_url(f"{site.url}/guide/first/steps/")
    expect(watched.locator("p")).to_have_text("à suivre")
    expect(watched.locator("h1")).to_have_css("color", "rgb(1, 2, 3)")
    watched.get_by_text("Notes").click()
    expect(watched.locator("body")).to_have_text("naïve façade ☕")
    assert watched.evaluate("document.characterSet") == "UTF-8"
    watched.go_back()
    watched.get_by_text("Back").click()
    expect(watched).to_have_url(f"{site.url}/guide/")


@pytest.mark.parametrize("path", ["/guide?page=2#top", "/guide/first/steps?a=%20b"])
def test_a_folder_without_its_slash_keeps_query_and_fragment(
    new_site: NewSite, dist: Path, watched: Page, path: str
) -> None:
    site = new_site(str(dist), "--spa")
    watched.goto(site.url + path)
    expect(watched).to_have_url(site.url + path.replace("?", "/?", 1))
    expect(watched.locator("h1")).to_have_css("color", "rgb(1, 2, 3)")


def test_text_is_read_as_it_was_written(new_site: NewSite, dist: Path, watched: Page) -> None:
    site = new_site(str(dist))
    watched.goto(f"{site.url}/guide/readme.md")
    expect(watched.locator("body")).to_have_text("# Où ça?")
    watched.goto(f"{site.url}/without")
    watched.get_by_text("page.txt").click()
    expect(watched.locator("body")).to_have_text("déjà vu")


@pytest.mark.parametrize("options", [(), ("--spa",)], ids=str)
def test_well_known_is_public_and_secrets_are_not(
    new_site: NewSite, dist: Path, page: Page, options: tuple[str, ...]
) -> None:
    site = new_site(str(dist), *options)
    page.goto(f"{site.url}/")
    ask = "async (url) => { const answer = await fetch(url); return [answer.status, await answer.text()]; }"
    assert page.evaluate(ask, "/.well-known/assetlinks.json") == [200, '["café"]']
    status, text = page.evaluate(ask, "/.env")
    assert (status, "SECRET" in text) == (404, False)


def test_redirects_and_cookies_of_the_api_stay_with_the_site(
    new_site: NewSite, dist: Path, watched: Page, tmp_path: Path
) -> None:
    """The API names its own host, domain and path; the browser must neither leave the site nor drop the cookie."""
    (tmp_path / "api.py").write_text(API)
    functions = ("login", "me")
    cwd = str(tmp_path)
    api = new_site(mappings=[{"match": f"/v1/{name}", "custom": f"./api.py:{name}", "cwd": cwd} for name in functions])
    site = new_site(str(dist), "--proxy", f"/api=http://localhost:{api.port}/v1")
    watched.goto(f"{site.url}/login")
    watched.get_by_text("Enter").click()
    expect(watched).to_have_url(f"{site.url}/api/me")
    expect(watched.locator("h1")).to_have_text("session 17")
    (cookie,) = watched.context.cookies()
    assert (cookie["name"], cookie["domain"], cookie["path"]) == ("session", "127.0.0.1", "/api")


def test_a_redirect_that_was_tried_out_is_gone_with_its_mapping(
    new_site: NewSite, watched: Page, tmp_path: Path
) -> None:
    """Browsers keep a 301 and a 410 for good if it doesn't say for how long."""
    moved = {"match": "/a", "status": 301, "headers": {"location": "/b"}}
    gone = {"match": "/c", "status": 308, "headers": {"location": "/b"}}
    page = {"custom": ["<h1>here</h1>", {"headers": {"content-type": "text/html"}}]}
    site = new_site(mappings=[moved, gone, page])
    for path in ("/a", "/c"):
        watched.goto(site.url + path)
        expect(watched).to_have_url(f"{site.url}/b")
    site.stop()
    (tmp_path / "site-0" / "reserve.json").write_text(json.dumps({"mappings": [page]}))
    site.start()
    for path in ("/a", "/c"):
        watched.goto(site.url + path)
        expect(watched).to_have_url(site.url + path)
