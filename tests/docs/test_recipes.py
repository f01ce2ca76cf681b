"""What the recipes do in Chromium, in a terminal, or with another environment; their commands run with all pages'."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.docs.pages import DOCS, PAGES, files
from tests.docs.test_pages import API, BOOKS_API
from tests.e2e.conftest import Start, launching, starting
from tests.e2e.test_qr import Show, code_of
from tests.e2e.test_trusted_tls import at_home, browse
from tests.kit.client import ask
from tests.kit.ports import free_port
from tests.kit.qr_codes import read_qr_code

pytestmark = pytest.mark.usefixtures("forks")

RECIPES = PAGES["recipes.md"]
NOBODY = "127.0.0.1:1"
FETCH = """([url, options]) => fetch(url, options).then((response) => response.text(), (error) => error.name)"""
PREFLIGHTED = {"method": "PUT", "headers": {"content-type": "application/json"}, "body": "{}"}

Serve = Callable[..., str]


@pytest.fixture(scope="module")
def api(command: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the API listens that the recipes have behind them."""
    with starting(command, tmp_path_factory.mktemp("api")) as start:
        yield urlsplit(start("--config", str(BOOKS_API)).ready()).netloc


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    """Writes the files of a recipe: `put("Stub a JSON API", {"what it says": "what shall stand there"})`."""

    def put(title: str, replaced: dict[str, str]) -> None:
        for name, text in files("recipes.md", title).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            for old, new in replaced.items():
                text = text.replace(old, new)
            (tmp_path / name).write_text(text)

    return put


@pytest.fixture
def serve(put: Callable[..., None], start: Start, api: str) -> Serve:
    """Follows a recipe, and returns the port: `serve("Stub a JSON API", "--config", "other.json", api=...)`."""

    def serve(title: str, *arguments: str, **replaced: str) -> str:
        put(title, {API: api, **replaced})
        return str(urlsplit(start(*arguments).ready()).port)

    return serve


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def terminal(title: str) -> list[list[str]]:
    """The words of the commands that a recipe has for a terminal of one's own."""
    (block,) = (block for block in RECIPES[title].blocks if block.language == "sh")
    return [shlex.split(line) for line in block.text.splitlines()]


def test_all_are_in_the_table_of_contents() -> None:
    beginning = (DOCS / "recipes.md").read_text().partition("\n## ")[0]
    anchors = [re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in RECIPES]
    assert sorted(re.findall(r"\]\(#(.*?)\)", beginning)) == sorted(anchors)


def test_ten_lines_of_python_are_enough() -> None:
    functions = [block for section in RECIPES.values() for block in section.blocks if block.language == "python"]
    lengths = [sum(bool(line.strip()) for line in block.text.splitlines()) for block in functions]
    assert len(lengths) == 2
    assert max(lengths) <= 10


def test_an_application_reads_its_api(serve: Serve, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{serve('Serve a single-page application and its API')}/books/42")
    expect(page.locator("h1")).to_have_text("Invisible Cities")


def test_a_cookie_comes_back(serve: Serve, page: Page) -> None:
    page.goto(f"http://shop.localhost:{serve('Keep the cookies of a proxied API')}/api/login")
    assert page.evaluate(FETCH, ["/api/me", {}]) == "ada\n"
    (cookie,) = page.context.cookies()
    assert (cookie["domain"], cookie["path"], cookie["secure"], cookie["sameSite"]) == (
        "shop.localhost",
        "/api",
        False,  # Chromium would take a secure one here, as it trusts localhost
        "Lax",
    )


def test_a_websocket_passes(serve: Serve, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{serve('Proxy a WebSocket')}/")
    expect(page.locator("h1")).to_have_text("HELLO")


def test_pages_of_other_origins_read_the_api(serve: Serve, page: Page) -> None:
    title = "Allow CORS, preflights included"
    url = f"http://127.0.0.1:{serve(title)}"
    page.goto(f"http://localhost:{urlsplit(url).port}/")  # another origin, with no more than an error on it
    token = {**PREFLIGHTED, "headers": {"authorization": "Bearer 1"}}
    assert "Invisible Cities" in page.evaluate(FETCH, [f"{url}/api/books", token])
    assert page.evaluate(FETCH, [f"{url}/api/books", {**PREFLIGHTED, "credentials": "include"}]) == "TypeError"


def test_pages_of_one_origin_read_the_api_with_cookies(serve: Serve, page: Page) -> None:
    title, option = "Allow CORS, preflights included", ("--config", "one-origin.json")
    origin = f"http://localhost:{serve(title)}"
    url = f"http://127.0.0.1:{serve(title, *option, **{'http://localhost:5173': origin})}/api/books"
    asked = {**PREFLIGHTED, "credentials": "include"}
    page.goto(f"{origin}/")
    assert "Invisible Cities" in page.evaluate(FETCH, [url, asked])
    page.goto(f"{origin.replace('localhost', 'other.localhost')}/")
    assert page.evaluate(FETCH, [url, asked]) == "TypeError"


def test_a_page_follows_its_files(serve: Serve, page: Page, tmp_path: Path) -> None:
    with page.expect_websocket() as socket:
        page.goto(f"http://127.0.0.1:{serve('Reload the page when a file changes')}/")
    assert "/.reserve/live" in socket.value.url
    heading = page.locator("h1")
    expect(heading).to_have_css("color", "rgb(0, 128, 0)")
    page.evaluate("window.kept = true")
    (tmp_path / "pages/books.css").write_text("h1 { color: rgb(0, 0, 128) }")
    expect(heading).to_have_css("color", "rgb(0, 0, 128)")
    assert page.evaluate("window.kept") is True
    index = tmp_path / "pages/index.html"
    index.write_text(index.read_text().replace("<h1>Books", "<h1>All books"))
    expect(heading).to_have_text("All books")


def test_each_host_has_its_site(serve: Serve, page: Page) -> None:
    port = serve("Serve several sites by host name")
    for site in ("Shop", "Blog"):
        page.goto(f"http://{site.lower()}.localhost:{port}/")
        expect(page.locator("h1")).to_have_text(site)


def test_a_page_is_rewritten(serve: Serve, page: Page) -> None:
    url = f"http://127.0.0.1:{serve('Rewrite HTML on its way')}/shop"
    for ask_again in (page.goto, lambda url: page.reload()):
        response = ask_again(url)
        assert response is not None
        assert response.status == 200
        expect(page.locator("p")).to_have_text("This is the staging server")


def test_a_browser_trusts_the_https(start: Start, command: Path, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/index.html").write_text("<p>page</p>")
    install, trust, run = terminal("Trusted https on localhost")
    assert install == ["pip", "install", "reserve-core[tls]"]
    with at_home(tmp_path), launching(tmp_path) as launch:
        assert launch(command, *trust[1:], cwd=tmp_path, variables={}).wait() == 0
        port = urlsplit(start(*run[1:]).ready()).port
        assert "<p>page</p>" in browse(f"https://shop.localhost:{port}/", tmp_path)


def test_a_phone_reads_the_address(show: Show, elsewhere: str, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    install, run = terminal("Open the page on a phone")
    assert install == ["pip", "install", "reserve-core[qr]"]
    page = read_qr_code(code_of(show(*run[1:])))
    assert urlsplit(page).hostname == elsewhere


def test_the_environment_names_another_api(put: Callable[..., None], command: Path, api: str, tmp_path: Path) -> None:
    title = "Take settings from the environment"
    put(title, {API: NOBODY})
    ((*variables, program),) = terminal(title)
    assert ([each.partition("=")[0] for each in variables], program) == (["API", "PORT"], "reserve")
    port = free_port()
    with launching(tmp_path) as launch:
        running = launch(command, cwd=tmp_path, variables={"API": f"http://{api}", "PORT": str(port), "WHO": "Ada"})
        assert running.ready() == f"http://127.0.0.1:{port}/"
        assert "Invisible Cities" in ask(f"http://127.0.0.1:{port}/api/books").text
        assert ask(f"http://127.0.0.1:{port}/hello").text == "Hello Ada\n"


def test_what_was_recorded_is_there_without_the_api(serve: Serve) -> None:
    title = "Record an API and work without it"
    recorded = ask(f"http://127.0.0.1:{serve(title)}/api/books").text
    assert "Invisible Cities" in recorded
    alone = f"http://127.0.0.1:{serve(title, **{API: NOBODY})}"
    assert ask(f"{alone}/api/books").text == recorded
    assert ask(f"{alone}/api/others").status == 502
