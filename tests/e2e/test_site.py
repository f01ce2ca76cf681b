"""examples/site, as `make run` serves it: the page tells the truth about its mappings, and every link answers."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from reserve_core import check

pytestmark = pytest.mark.usefixtures("forks")


class Page(HTMLParser):
    """The mappings a page shows, the requests it offers and what it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.mappings: list[dict[str, Any]] = []
        self.requests: list[dict[str, str]] = []
        self.links: set[str] = set()
        self._pre: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "pre" and not values:
            self._pre = ""
        elif values.get("class") == "try":
            self.requests.append(values)
        else:
            self.links |= {values[name] for name in ("href", "src") if name in values}

    def handle_data(self, data: str) -> None:
        if self._pre is not None:
            self._pre += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre" and self._pre is not None:
            self.mappings.append(json.loads(self._pre))
            self._pre = None


@pytest.fixture(scope="module")
def site(project: Path) -> Path:
    return project / "examples" / "site"


@pytest.fixture
def url(start: Any, site: Path) -> Any:
    running = start("--config", str(site / "reserve.json"))
    yield running.ready()
    assert running.stop() == 0
    assert running.errors == ""


@pytest.fixture(scope="module")
def index(site: Path) -> Page:
    return Page((site / "pages" / "index.html").read_text())


def test_the_page_shows_the_mappings_that_serve_it(site: Path, index: Page) -> None:
    assert index.mappings == json.loads((site / "reserve.json").read_text())["mappings"]


def test_every_handler_of_the_project_is_at_work(prefixes: set[str], index: Page) -> None:
    needs_an_extra = {"metrics"}
    assert prefixes - needs_an_extra == {name for mapping in index.mappings for name in mapping if name in prefixes}


async def test_it_needs_no_extra(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `make run` installs none, and neither does who tries it first."""
    for module in ("crossplane", "cryptography", "prometheus_client", "yaml"):
        monkeypatch.setitem(sys.modules, module, None)
    assert (await check(str(site / "reserve.json"))).mappings


def test_every_request_it_offers_is_answered_as_it_says(url: str, ask: Any, index: Page) -> None:
    assert len(index.requests) > 10
    for request in index.requests:
        method = request.get("data-method", "GET")
        # site.js does the same for what goes through the proxy.
        href = request["href"].replace("127.0.0.1:5000", urlsplit(url).netloc)
        response = ask(urljoin(url, href), method, request.get("data-body", ""))
        assert response.status == int(request["data-status"]), (method, request["href"], response.text)


def test_the_proxy_leads_to_the_books_of_this_machine_only(url: str, ask: Any) -> None:
    here = urlsplit(url).netloc
    books = ask(f"{url}proxy/http/{here}/api/books?author=calvino")
    assert (books.json()[0]["id"], books.headers["via"]) == ("2", "1.1 reserve")
    for path in (
        f"{here}/proxy/http/{here}/api/books",
        f"{here}/source/api.py",
        f"{here}/api/books/../../source/api.py",
    ):
        assert ask(f"{url}proxy/http/{path}").status == 404
    assert ask(f"{url}proxy/http/{here}/api/books/..%2f..%2fsource%2fapi.py").status == 400


def test_the_middleware_tells_how_long_the_api_took(url: str, ask: Any) -> None:
    timed = ask(f"{url}api/books/1").headers["server-timing"]
    assert re.fullmatch(r"app;dur=\d+\.\d\d", timed)
    # Pages aren't behind it: theirs is that of `timing`.
    assert re.fullmatch(r'file;desc=".*reserve.json:\d+";dur=\d+\.\d', ask(url).headers["server-timing"])


def test_the_mirror_shows_what_the_api_answers(url: str, ask: Any) -> None:
    book = ask(f"{url}api/books/2")
    (tapped,) = ask(f"{url}mirror/api/mirrors/books/wait?path=/api/books/2").json()["requests"]
    assert (tapped["response"]["status"], tapped["response"]["body"]) == (200, book.text)
    assert ["access-control-allow-origin", "*"] in tapped["response"]["headers"]
    assert ask(f"{url}mirror/r/books/hello", "POST", "hello").text == "OK"
    (sent,) = ask(f"{url}mirror/api/mirrors/books/wait?path=/hello").json()["requests"]
    assert (sent["method"], sent["body"]) == ("POST", "hello")


def test_no_page_has_a_broken_link(url: str, ask: Any, site: Path) -> None:
    for file in (site / "pages").rglob("*.html"):
        page = Page(file.read_text())
        assert page.links
        assert [link for link in page.links if ask(urljoin(url, link)).status != 200] == []


def test_the_api_keeps_what_is_posted(url: str, ask: Any) -> None:
    book = {"title": "Momo", "author": "Michael Ende", "year": 1973}
    made = ask(f"{url}api/books", "POST", json.dumps(book))
    assert (made.status, made.json()) == (201, {"id": "4", **book})
    assert made.headers["access-control-allow-origin"] == "*"
    for path in (made.headers["location"], "/newest"):
        assert ask(urljoin(url, path)).json() == {"id": "4", **book}
    assert [each["id"] for each in ask(f"{url}api/books?author=ende").json()] == ["4"]
    assert ask(f"{url}api/books", "POST", '{"title": "Momo"}').status == 422


def test_an_unknown_path_is_answered_with_the_error_page(url: str, ask: Any, site: Path) -> None:
    response = ask(f"{url}no/such/page")
    assert (response.status, response.body) == (404, (site / "pages" / "404.html").read_bytes())
    assert response.headers["content-type"].startswith("text/html")


def test_an_old_address_says_where_it_went(url: str, ask: Any) -> None:
    assert ask(f"{url}old/members").headers["location"] == "/members"
