"""A real server, a real Chromium, and mirrors to look at."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Request,
    expect,
)

from tests.e2e.conftest import forks
from tests.kit import client
from tests.kit.client import ReceivedResponse
from tests.kit.forks import Forks, Process
from tests.kit.mirrors import Mirror
from tests.kit.ports import free_port
from tests.kit.waiting import PATIENCE

__all__ = ["forks"]

ELSEWHERE = "http://localhost:3000"  # where the mirrors at /few/ may send requests to
DEEP = "/some/where/mirror"  # where the mirrors are mounted a second time
# An application below /shop/, tapped by the mirror "shop".
SHOP = """
async def order(request, response):
    await request.body()
    response.send('{"order": 17, "paid": true}', 201, {"Content-Type": "application/json"})

async def echo(request, response):
    headers = {"Content-Type": request.headers["Content-Type"], "X-Echo": request.headers["X-Echo"]}
    response.send(await request.body(), 200, headers)
"""
HOOK_SECRET = "of the mirrors below /signed"
DESKTOP = {"width": 1280, "height": 800}

# What a page does in the network is told by its tests; the browser's own words on it are no news.
_EXPECTED = ("Failed to load resource", "WebSocket connection to")
_WATCH = """
    window.ran = [];
    for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = () => window.ran.push(name);
    document.addEventListener("securitypolicyviolation", (event) =>
        console.error(`CSP ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`));
"""

NewPage = Callable[..., Page]
Ask = Callable[..., ReceivedResponse]
NewSite = Callable[..., "Site"]
Visit = Callable[..., "LivePage"]


class Site:
    """A `reserve` process on a port of its own, which can be stopped and started again.

    `url` is where it is, without a slash at the end.
    """

    def __init__(self, forks: Forks, command: Path, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command: list[str | Path] = [command, *arguments, "--port", str(self.port)]
        self._folder = folder
        self._start = forks
        self._process: Process | None = None

    def start(self) -> None:
        with (self._folder / "errors").open("a") as errors:
            self._process = self._start(self._command, cwd=self._folder, env=os.environ, stderr=errors)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if self.url in line:
                return
        self.stop()
        pytest.fail(f"The server doesn't start: {(self._folder / 'errors').read_text()}")

    def freeze(self) -> None:
        """Lets it do nothing more, until it is stopped."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """Ends it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def known(self, code: str) -> Mirror:
        """A mirror that exists."""
        return Mirror(self.url, code)

    def mirror(self, code: str = "", base: str = "") -> Mirror:
        """A new mirror; without a code, of a random one. `base` is the path it is mounted at."""
        body = json.dumps({"code": code} if code else {}).encode()
        answer = client.ask(f"{self.url}{base}/api/mirrors", "POST", body, [("Content-Type", "application/json")])
        assert answer.status == 201, answer
        return Mirror(self.url + base, answer.json()["code"])


class LivePage:
    """The live page of a mirror, opened and connected; `fragment` is the id of the request to open it with."""

    def __init__(self, page: Page, mirror: Mirror, fragment: str = "") -> None:
        self.page = page
        self.mirror = mirror
        self.rows = page.locator("#list a")
        self.detail = page.locator("#detail")
        page.goto(mirror.page + (f"#{fragment}" if fragment else ""))
        self.wait_connected()

    def wait_connected(self) -> None:
        expect(self.page.locator("#connection")).to_have_text("Live")

    def open(self, text: str) -> Locator:
        """Opens the newest request whose row has the text, and returns the detail when all of it is there."""
        self.rows.filter(has_text=text).first.click()
        return self.opened(text)

    def opened(self, text: str) -> Locator:
        """Waits until a request is shown whose heading has the text."""
        expect(self.detail.locator("h2")).to_contain_text(text)
        expect(self.detail.locator("section").first).to_be_visible()
        return self.detail

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def copied(self, name: str) -> str:
        """Presses a button that copies, and returns what it has copied."""
        self.button(name).click()
        return self.clipboard()

    def copied_as(self, format: str) -> str:  # noqa: A002
        """Copies the request shown in one of the formats."""
        self.page.locator("summary", has_text="Copy as").click()
        self.button(format).click()
        expect(self.page.locator("#toast")).to_contain_text(f"Copied as {format}")
        return self.clipboard()

    def delete(self, name: str) -> None:
        """Presses a button that deletes, and has the server do it now, as who leaves the page has."""
        self.button(name).click()
        self.page.evaluate("dispatchEvent(new Event('pagehide'))")

    def clipboard(self) -> str:
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens a page in a browser profile of its own: `new_page(color_scheme="dark")`.

    At the end nothing may have happened in it that never should: an error, a dialog, a script that was captured, a
    violation of the page's own CSP, a request to another server.
    """
    opened: list[tuple[Page, list[str]]] = []

    def new_page(**options: Any) -> Page:
        settings = {"viewport": DESKTOP, "permissions": ["clipboard-read", "clipboard-write"], **options}
        page = browser.new_context(**settings).new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.add_init_script(_WATCH)
        opened.append((page, _problems(page)))
        return page

    yield new_page
    for page, problems in opened:
        ran = page.evaluate("window.ran ?? []")
        page.context.close()
        assert not problems
        assert not ran


def _problems(page: Page) -> list[str]:
    """A list that fills with what goes wrong in a page."""
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_EXPECTED):
            problems.append(f"{message.type}: {message.text}")

    def on_dialog(dialog: Dialog) -> None:
        problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def on_request(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:", "data:")):
            problems.append(f"request: {request.url}")

    page.on("console", on_console)
    page.on("dialog", on_dialog)
    page.on("request", on_request)
    page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
    return problems


@pytest.fixture(scope="session")
def command() -> Path:
    """The installed `reserve` command."""
    return Path(sys.executable).with_name("reserve")


@pytest.fixture(scope="session")
def site(forks: Forks, command: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The server that the tests share: each has a mirror of its own there. They are at `/`, and below `DEEP` too."""
    folder = tmp_path_factory.mktemp("site")
    mirror = {"mirror": "$1", "max-requests": 6000}
    mappings: list[dict[str, Any]] = [
        {"match": f"^{DEEP}(/.*)?$", **mirror},
        {"match": "^/few(/.*)?$", "mirror": "$1", "max-requests": 3, "max-body-size": 1000, "resend-to": [ELSEWHERE]},
        {"match": "^/signed(/.*)?$", "mirror": "$1", "signature": {"scheme": "github", "secret": HOOK_SECRET}},
        {"match": "^/shop/", "tap": "shop"},
        {"match": "^/shop/orders", "custom": "./shop.py:order"},
        {"match": "^/shop/echo", "custom": "./shop.py:echo"},
        {"match": "^/shop/", "status": 404},
        {"match": "^(/.*)$", **mirror},
    ]
    (folder / "shop.py").write_text(SHOP)
    (folder / "reserve.json").write_text(json.dumps({"mappings": mappings}, indent=2))
    site = Site(forks, command, folder, "--silent")
    site.start()
    yield site
    site.stop()


@pytest.fixture
def new_site(forks: Forks, command: Path, tmp_path: Path) -> Iterator[NewSite]:
    """Starts a server of one's own: `new_site("mirror", "--code", "a")`, or `new_site(mappings=[...])`."""
    sites: list[Site] = []

    def new_site(*arguments: str, mappings: list[dict[str, Any]] | None = None) -> Site:
        folder = tmp_path / f"site-{len(sites)}"
        folder.mkdir()
        if mappings is not None:
            (folder / "reserve.json").write_text(json.dumps({"mappings": mappings}, indent=2))
        sites.append(Site(forks, command, folder, *arguments))
        sites[-1].start()
        return sites[-1]

    yield new_site
    for site in sites:
        site.stop()


@pytest.fixture
def ask() -> Ask:
    """Sends one request: `ask(url, method, body, headers)`."""
    return client.ask


@pytest.fixture
def mirror(site: Site) -> Mirror:
    """A new mirror."""
    return site.mirror()


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """An empty page at desktop size."""
    return new_page()


@pytest.fixture
def visit(new_page: NewPage) -> Visit:
    """Opens the live page of a mirror, in a profile of its own: `visit(mirror, fragment="", viewport=...)`."""

    def visit(mirror: Mirror, fragment: str = "", **options: Any) -> LivePage:
        return LivePage(new_page(**options), mirror, fragment)

    return visit


@pytest.fixture
def live(visit: Visit, mirror: Mirror) -> LivePage:
    """The live page of `mirror`."""
    return visit(mirror)
