"""Live pages in Chromium: what an edit does to a page that is open."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from reserve_core.testing import StartServer
from tests.browser.conftest import Site
from tests.kit.forks import Forks

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
def serve(forks: Forks, command: Path, folder: Path) -> Iterator[Serve]:
    """Serves the folder, or `mappings`: `serve("./dist", "--live")`."""
    sites: list[Site] = []

    def serve(*arguments: str, mappings: list[dict[str, Any]] | None = None) -> Site:
        if mappings is not None:
            (folder.parent / "reserve.json").write_text(json.dumps({"mappings": mappings}))
        sites.append(Site(forks, command, folder.parent, *arguments))
        sites[-1].start()
        return sites[-1]

    yield serve
    for site in sites:
        site.stop()


@pytest.fixture
def url(folder: Path, reserve_server: StartServer) -> str:
    """Where the folder is live: on a server in this process, for what is the same on any."""
    return live_url(folder, reserve_server)


def live_url(folder: Path, reserve_server: StartServer) -> str:
    return reserve_server({"cwd": str(folder.parent), "mappings": [LIVE, FILES, {"status": 404}]}).url


def write(folder: Path, text: str, head: str = LINK) -> None:
    (folder / "index.html").write_text(PAGE.format(text=text, head=head))


def mark(page: Page) -> None:
    """Leaves something in a page that a reload takes away."""
    page.evaluate("window.marked = true")


def is_marked(page: Page) -> bool:
    marked: bool = page.evaluate("window.marked === true")
    return marked


def use(page: Page) -> None:
    """Does what a visitor does."""
    page.locator("input").fill("unsaved")
    page.evaluate("scrollTo(0, 2000)")


def is_used(page: Page) -> bool:
    """Whether the page is as it was left."""
    found: list[Any] = page.evaluate("[scrollY, document.querySelector('input').value]")
    return found == [2000, "unsaved"]


def expect_color(page: Page, element: str, red: int) -> None:
    expect(page.locator(element)).to_have_css("color", f"rgb({red}, 0, 0)")


def edit_again_and_again(page: Page, folder: Path, edits: int, chance: random.Random) -> tuple[int, int]:
    """Edits the page and its style sheets, some edits right behind one another, while the page is loading as well.

    Returns how many edits there were, and how many of those that were last are not shown.
    """
    done = lost = 0
    while done < edits:
        burst = chance.choice((1, 1, 1, 2, 5))
        for _ in range(burst):
            done += 1
            write(folder, f"edit {done}")
            (folder / "styles/site.css").write_text(f"@import 'base.css'; h1 {{ width: {done}px }}")
            if chance.random() < 0.5:
                (folder / "styles/base.css").write_text(f"p {{ width: {done}px }}")
        base = (folder / "styles/base.css").read_text().split()[-2]
        try:
            expect(page.locator("h1")).to_have_text(f"edit {done}")
            expect(page.locator("h1")).to_have_css("width", f"{done}px")
            if base.endswith("px"):
                expect(page.locator("p")).to_have_css("width", base)
        except AssertionError:
            lost += 1
    return done, lost


def edit_styles_again_and_again(page: Page, folder: Path, edits: int) -> int:
    """Edits a style sheet and one that it imports; returns how many edits are not shown."""
    lost = 0
    for number in range(1, edits + 1):
        name, element = (("base.css", "p"), ("site.css", "h1"))[number % 2]
        content = f"{element} {{ color: rgb({number}, 0, 0) }}"
        (folder / "styles" / name).write_text(f"@import 'base.css'; {content}" if name == "site.css" else content)
        try:
            expect_color(page, element, number)
        except AssertionError:
            lost += 1
    return lost


def test_no_edit_of_a_page_is_lost(serve: Serve, folder: Path, page: Page) -> None:
    page.goto(serve("./dist", "--live").url)
    assert edit_again_and_again(page, folder, EDITS, random.Random(0))[1] == 0


def test_a_style_sheet_is_replaced_in_place(serve: Serve, folder: Path, page: Page) -> None:
    """The page keeps what it has of its visitor: where they are, and what they have written."""
    page.goto(serve("./dist", "--live").url)
    mark(page)
    use(page)
    assert edit_styles_again_and_again(page, folder, EDITS) == 0
    assert is_used(page)
    assert page.locator("link").count() == 1
    assert is_marked(page)


def test_a_file_that_an_editor_puts_in_the_place_of_another_one(url: str, folder: Path, page: Page) -> None:
    page.goto(url)
    write(folder.parent, "replaced")
    (folder.parent / "index.html").replace(folder / "index.html")
    expect(page.locator("h1")).to_have_text("replaced")


@pytest.mark.parametrize(
    "head",
    ["<style>@import '/styles/site.css';</style>", "<script>fetch('/styles/site.css')</script>"],
    ids=["in a style element", "fetched"],
)
def test_a_style_sheet_that_no_link_has_reloads_the_page(
    reserve_server: StartServer, folder: Path, page: Page, head: str
) -> None:
    write(folder, "first", head)
    page.goto(live_url(folder, reserve_server))
    mark(page)
    (folder / "styles/site.css").write_text("h1 { color: rgb(2, 0, 0) }")
    page.wait_for_function("window.marked !== true")


def test_a_style_sheet_that_is_broken_off_reloads_the_page(url: str, folder: Path, page: Page) -> None:
    page.goto(url)
    mark(page)
    (folder / "styles/site.css").unlink()
    page.wait_for_function("window.marked !== true")


def test_what_has_changed_while_the_server_was_away(serve: Serve, folder: Path, page: Page) -> None:
    site = serve("./dist", "--live")
    page.goto(site.url)
    site.stop()
    write(folder, "meanwhile")
    with page.expect_navigation():
        site.start()
    expect(page.locator("h1")).to_have_text("meanwhile")


def test_a_server_that_starts_anew_reloads_nothing_else(serve: Serve, folder: Path, page: Page) -> None:
    site = serve("./dist", "--live")
    page.goto(site.url)
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
    page.goto(site.url)
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
    page.goto(site.url)
    (folder.parent / "reserve.json").write_text("{")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("reserve-live")).to_have_count(0)


def test_a_policy_with_a_nonce_is_kept(serve: Serve, folder: Path, page: Page) -> None:
    (folder / "text").write_text("first")
    (folder.parent / "strict.py").write_text(STRICT)
    site = serve("--watch", mappings=[LIVE, {"custom": "./strict.py:page"}])
    page.goto(site.url)
    (folder / "text").write_text("second")
    expect(page.locator("h1")).to_have_text("second")
    (folder.parent / "reserve.json").write_text("{")
    expect(page.locator("reserve-live pre")).to_contain_text("reserve.json:1")
    assert page.locator("reserve-live").evaluate("element => getComputedStyle(element).position") == "fixed"


def test_a_page_waits_for_the_server_behind(serve: Serve, folder: Path, page: Page) -> None:
    behind = serve("./dist", "--silent")
    behind.stop()
    site = serve(mappings=[LIVE, {"match": "^/(.*)", "url": f"{behind.url}/$1"}])
    page.goto(site.url)
    expect(page.locator("pre")).to_have_text("The upstream server can't be reached, or gives no valid response")
    behind.start()
    expect(page.locator("h1")).to_have_text("first")
    write(folder, "second")
    expect(page.locator("h1")).to_have_text("second")


def test_an_error_goes_away_once_it_is_mended(url: str, folder: Path, page: Page) -> None:
    page.goto(f"{url}later.html")
    expect(page.locator("pre")).to_have_text("Not found")
    (folder / "later.html").write_text("<h1>here</h1>")
    expect(page.locator("h1")).to_have_text("here")


def test_a_page_below_a_path_and_over_several_workers(serve: Serve, folder: Path, page: Page) -> None:
    mappings = [{"match": "^/docs/", "live": "./dist"}, {"match": "^/docs/(.*)", "file": "./dist/$1"}]
    page.goto(f"{serve('--workers', '2', mappings=mappings).url}/docs/")
    for number in range(5):
        write(folder, f"edit {number}")
        expect(page.locator("h1")).to_have_text(f"edit {number}")
