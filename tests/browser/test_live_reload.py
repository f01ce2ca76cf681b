"""Live pages in Chromium: what an edit does to a page that is open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

LINK = '<link rel="stylesheet" href="/styles/site.css?v=1">'
PAGE = """\
<!doctype html>
<html lang="en">
<head><title>Live</title>{head}</head>
<body style="height: 5000px"><h1>{text}</h1><p>text</p><input></body>
</html>
"""
EDITS = 20
FILES = {"match": "^/(.*)", "file": "./dist/$1"}
LIVE = {"match": "^/", "live": "./dist"}
# Responds with a page whose policy lets only scripts run that have a nonce.
STRICT = """
from pathlib import Path

def page(request, response):
    nonce = "bm9uY2U" + str(request.id)
    policy = f"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; connect-src 'self'; style-src 'self'"
    text = Path(__file__).with_name("dist").joinpath("text").read_text()
    response.send(f"<title>Strict</title><h1>{text}</h1>".encode(), 200,
        {"content-type": "text/html", "content-security-policy": policy})
"""

Serve = Callable[..., Site]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is served."""
    dist = tmp_path / "dist"
    (dist / "styles").mkdir(parents=True)
    write(dist, "first")
    (dist / "styles/site.css").write_text("@import 'base.css'; h1 { color: rgb(1, 0, 0) }")
    (dist / "styles/base.css").write_text("p { color: rgb(1, 0, 0) }")
    return dist


@pytest.fixture
def serve(command: Path, folder: Path) -> Iterator[Serve]:
    """Serves the folder, or `mappings`: `serve("./dist", "--live")`."""
    sites: list[Site] = []

    def serve(*arguments: str, mappings: list[dict[str, Any]] | None = None) -> Site:
        if mappings is not None:
            (folder.parent / "reserve.json").write_text(json.dumps({"mappings": mappings}))
        sites.append(Site(command, folder.parent, *arguments))
        sites[-1].start()
        return sites[-1]

    yield serve
    for site in sites:
        site.stop()


def write(folder: Path, text: str, head: str = LINK) -> None:
    (folder / "index.html").write_text(PAGE.format(text=text, head=head))


def open_page(page: Page, url: str) -> None:
    """Opens a page, and returns when it is told of changes."""
    with page.expect_websocket() as opened:
        page.goto(url)
    opened.value.wait_for_event("framereceived")


def mark(page: Page) -> None:
    """Leaves something in a page that a reload takes away."""
    page.evaluate("window.marked = true")


def is_marked(page: Page) -> bool:
    marked: bool = page.evaluate("window.marked === true")
    return marked


def color(page: Page, element: str) -> str:
    found: str = page.evaluate(f"getComputedStyle(document.querySelector('{element}')).color")
    return found


def expect_color(page: Page, element: str, red: int) -> None:
    expect(page.locator(element)).to_have_css("color", f"rgb({red}, 0, 0)")


def test_no_edit_of_a_page_is_lost(serve: Serve, folder: Path, page: Page) -> None:
    site = serve("./dist", "--live")
    open_page(page, site.url)
    for number in range(EDITS):
        write(folder, f"edit {number}")
        if number % 5 == 4:  # the others come while the page is loading, or is about to
            expect(page.locator("h1")).to_have_text(f"edit {number}")


def test_a_file_that_an_editor_puts_in_the_place_of_another_one(serve: Serve, folder: Path, page: Page) -> None:
    open_page(page, serve("./dist", "--live").url)
    write(folder.parent, "replaced")
    (folder.parent / "index.html").replace(folder / "index.html")
    expect(page.locator("h1")).to_have_text("replaced")


def test_a_style_sheet_is_replaced_in_place(serve: Serve, folder: Path, page: Page) -> None:
    """The page keeps what it has of its visitor: where they are, and what they have written."""
    open_page(page, serve("./dist", "--live").url)
    mark(page)
    page.locator("input").fill("unsaved")
    page.evaluate("scrollTo(0, 2000)")
    for red in range(2, 2 + EDITS):
        (folder / "styles/site.css").write_text(f"@import 'base.css'; h1 {{ color: rgb({red}, 0, 0) }}")
        expect_color(page, "h1", red)
    (folder / "styles/base.css").write_text("p { color: rgb(2, 0, 0) }")
    expect_color(page, "p", 2)
    (folder / "styles/base.css").write_text("p { color: rgb(3, 0, 0) }")
    (folder / "styles/site.css").write_text("@import 'base.css'; h1 { color: rgb(200, 0, 0) }")
    expect_color(page, "p", 3)
    expect_color(page, "h1", 200)
    assert page.evaluate("[scrollY, document.querySelector('input').value]") == [2000, "unsaved"]
    assert page.locator("link").count() == 1
    assert is_marked(page)


@pytest.mark.parametrize(
    "head",
    ["<style>@import '/styles/site.css';</style>", "<script>fetch('/styles/site.css')</script>"],
    ids=["in a style element", "fetched"],
)
def test_a_style_sheet_that_no_link_has_reloads_the_page(serve: Serve, folder: Path, page: Page, head: str) -> None:
    write(folder, "first", head)
    open_page(page, serve("./dist", "--live").url)
    mark(page)
    (folder / "styles/site.css").write_text("h1 { color: rgb(2, 0, 0) }")
    page.wait_for_function("window.marked !== true")


def test_a_style_sheet_that_is_broken_off_reloads_the_page(serve: Serve, folder: Path, page: Page) -> None:
    open_page(page, serve("./dist", "--live").url)
    mark(page)
    (folder / "styles/site.css").unlink()
    page.wait_for_function("window.marked !== true")


def test_what_has_changed_while_the_server_was_away(serve: Serve, folder: Path, page: Page) -> None:
    site = serve("./dist", "--live")
    open_page(page, site.url)
    site.stop()
    write(folder, "meanwhile")
    with page.expect_navigation():
        site.start()
    expect(page.locator("h1")).to_have_text("meanwhile")


def test_a_server_that_starts_anew_reloads_nothing_else(serve: Serve, folder: Path, page: Page) -> None:
    site = serve("./dist", "--live")
    open_page(page, site.url)
    mark(page)
    site.stop()
    site.start()
    (folder / "styles/site.css").write_text("h1 { color: rgb(2, 0, 0) }")
    expect_color(page, "h1", 2)
    assert is_marked(page)


def test_a_broken_configuration_is_shown_until_it_is_mended(serve: Serve, folder: Path, page: Page) -> None:
    site = serve("--watch", mappings=[LIVE, FILES])
    configuration = folder.parent / "reserve.json"
    whole = configuration.read_text()
    open_page(page, site.url)
    mark(page)
    configuration.write_text('{"mappings": [{"fil": "<b>x</b>"}]}')
    overlay = page.locator("reserve-live")
    expect(overlay.locator("pre")).to_contain_text("reserve.json:1: mapping 1")
    expect(overlay.locator("pre")).to_contain_text('"fil"')
    assert overlay.locator("b").count() == 0
    box = overlay.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (1280, 800)
    assert is_marked(page)
    configuration.write_text(whole)
    page.wait_for_function("window.marked !== true")  # it may be another page now
    expect(page.locator("h1")).to_have_text("first")
    expect(overlay).to_have_count(0)


def test_the_overlay_can_be_closed(serve: Serve, folder: Path, page: Page) -> None:
    site = serve("--live", mappings=[FILES])
    open_page(page, site.url)
    (folder.parent / "reserve.json").write_text("{")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("reserve-live")).to_have_count(0)


def test_a_policy_with_a_nonce_is_kept(serve: Serve, folder: Path, page: Page) -> None:
    (folder / "text").write_text("first")
    (folder.parent / "strict.py").write_text(STRICT)
    site = serve("--watch", mappings=[LIVE, {"custom": "./strict.py:page"}])
    open_page(page, site.url)
    (folder / "text").write_text("second")
    expect(page.locator("h1")).to_have_text("second")
    (folder.parent / "reserve.json").write_text("{")
    expect(page.locator("reserve-live pre")).to_contain_text("reserve.json:1")
    assert page.locator("reserve-live").evaluate("element => getComputedStyle(element).position") == "fixed"


def test_a_page_waits_for_the_server_behind(serve: Serve, folder: Path, page: Page) -> None:
    behind = serve("./dist", "--silent")
    behind.stop()
    site = serve(mappings=[LIVE, {"match": "^/(.*)", "url": f"{behind.url}/$1"}])
    open_page(page, site.url)
    expect(page.locator("pre")).to_have_text("The upstream server can't be reached, or gives no valid response")
    behind.start()
    expect(page.locator("h1")).to_have_text("first")
    write(folder, "second")
    expect(page.locator("h1")).to_have_text("second")


def test_an_error_goes_away_once_it_is_mended(serve: Serve, folder: Path, page: Page) -> None:
    open_page(page, f"{serve('./dist', '--live').url}/later.html")
    expect(page.locator("pre")).to_have_text("Not found")
    (folder / "later.html").write_text("<h1>here</h1>")
    expect(page.locator("h1")).to_have_text("here")


def test_a_page_below_a_path_and_over_several_workers(serve: Serve, folder: Path, page: Page) -> None:
    mappings = [{"match": "^/docs/", "live": "./dist"}, {"match": "^/docs/(.*)", "file": "./dist/$1"}]
    open_page(page, f"{serve('--workers', '2', mappings=mappings).url}/docs/")
    for number in range(5):
        write(folder, f"edit {number}")
        expect(page.locator("h1")).to_have_text(f"edit {number}")
