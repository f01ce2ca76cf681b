"""The mirror's client for JavaScript in a real browser: a page of an origin that `allowed-origins` names uses it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import Site
from tests.docs.pages import PAGES
from tests.kit import client, node
from tests.kit.chromium import CHROMIUM_OPTIONS
from tests.kit.forks import Forks
from tests.page.declarations import PACKAGED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Mappings = list[dict[str, Any]]
TOKEN = "correct-horse-battery"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
# What a page does there. Each of its calls has a header that a browser asks for before: Authorization.
USE = """async ([base, token]) => {
    const { createMirror } = await import("/client/index.js");
    const mirror = await createMirror(base, { token, response: { status: 202, body: "taken" } });
    const events = mirror.events();
    const told = [(await events.next()).value.type];
    const waiting = mirror.wait({ method: "POST", path: "/orders", "json.id": 17 });
    const response = await fetch(`${mirror.url}/orders`, { method: "POST", body: '{"id": 17}' });
    const request = await waiting;
    told.push((await events.next()).value.request.path);
    const { status } = await mirror.respond({ status: 503 }).then(({ response }) => response);
    const again = await mirror.ask("POST", `/requests/${request.id}/resend`, { to: base }).catch((error) => error);
    await mirror.delete();
    const gone = await mirror.show().catch((error) => error);
    await events.return();
    return {
        sent: [response.status, await response.text()],
        request: [request.path, request.body, new Headers(request.headers).get("origin")],
        told,
        status,
        again: [again.status, again.message],
        gone: [gone.status, gone.message.replace(mirror.code, "CODE")],
    };
}"""
TRY = """async ([base, token]) => {
    const { createMirror } = await import("/client/index.js");
    return createMirror(base, { token, code: "tried" }).then(() => "made", String);
}"""


@pytest.fixture(scope="module")
def new_origin(
    forks: Forks, command: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Mappings], str]]:
    """Starts a server, and returns its origin."""
    sites: list[Site] = []

    def new_origin(mappings: Mappings) -> str:
        folder = tmp_path_factory.mktemp("origin")
        (folder / "reserve.json").write_text(json.dumps({"mappings": mappings}))
        sites.append(Site(forks, command, folder, "--silent"))
        sites[-1].start()
        return sites[-1].url

    yield new_origin
    for site in sites:
        site.stop()


@pytest.fixture(scope="module")
def front(new_origin: Callable[[Mappings], str]) -> str:
    """Where the page and the client are."""
    page = {"match": "/page", "custom": ["<h1>A page</h1>", {"headers": {"content-type": "text/html"}}]}
    return new_origin([{"match": "^/client/(.*)", "file": f"{PACKAGED.parent}/$1"}, page, {"status": 404}])


@pytest.fixture(scope="module")
def mirrors(new_origin: Callable[[Mappings], str], front: str) -> str:
    """Where mirrors are: the page may use those at /open, and not those at /closed."""
    nowhere = "http://127.0.0.1:1"
    open_ = {"token": TOKEN, "allowed-origins": [front], "resend-to": [nowhere]}
    closed = {"token": TOKEN, "allowed-origins": [nowhere]}
    return new_origin(
        [{"match": "^/open(/.*)?$", "mirror": "$1", **open_}, {"match": "^/closed(/.*)?$", "mirror": "$1", **closed}]
    )


def test_a_page_of_an_allowed_origin_uses_it_with_the_token(front: str, mirrors: str, page: Page) -> None:
    page.goto(f"{front}/page")
    assert page.evaluate(USE, [f"{mirrors}/open", TOKEN]) == {
        "sent": [202, "taken"],
        "request": ["/orders", '{"id": 17}', front],
        "told": ["hello", "/orders"],
        "status": 503,
        "again": [403, "No page but the mirror's own sends requests again, whatever allowed-origins says"],
        "gone": [404, "The mirror 'CODE' does not exist"],
    }


def test_without_the_token_it_reads_why_it_is_refused(front: str, mirrors: str, page: Page) -> None:
    page.goto(f"{front}/page")
    for token in ("", "another"):
        made = page.evaluate(TRY, [f"{mirrors}/open", token])
        assert made.startswith("MirrorError: This mirror is protected by a token")


def test_a_page_of_another_origin_reads_nothing_and_makes_no_mirror(front: str, mirrors: str, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{front}/page")
    made = page.evaluate(TRY, [f"{mirrors}/closed", TOKEN])
    context.close()
    assert made == "TypeError: Failed to fetch"
    shown = client.ask(f"{mirrors}/closed/api/mirrors/tried", headers=BEARER)
    assert (shown.status, shown.json()["error"]) == (404, "The mirror 'tried' does not exist")


def test_the_documentation_s_call_works_in_such_a_page(front: str, mirrors: str, page: Page) -> None:
    (call,) = (block.text for block in PAGES["mirror.md"]["HTTP interface"].blocks if block.language == "js")
    shown = "http://localhost:5000/mirror/"
    assert shown in call
    client.ask(f"{mirrors}/open/api/mirrors", "POST", '{"code": "orders"}', BEARER)
    assert client.ask(f"{mirrors}/open/r/orders", "POST", "hello").status == 200
    page.goto(f"{front}/page")
    body = f"async (token) => {{ {call.replace(shown, f'{mirrors}/open/')} return (await response.json()).body; }}"
    assert page.evaluate(body, TOKEN) == "hello"


def test_the_example_with_playwright_passes(mirrors: str, tmp_path: Path) -> None:
    options = {"executablePath": shutil.which("chromium-headless-shell"), "args": CHROMIUM_OPTIONS.split()}
    settings = {
        "testDir": str(PACKAGED.with_name("examples")),
        "outputDir": str(tmp_path / "results"),
        "use": {"launchOptions": options},
        "workers": 1,
    }
    (tmp_path / "playwright.config.mjs").write_text(f"export default {json.dumps(settings)}")
    command = (node.PACKAGES / ".bin/playwright", "test", "--config", tmp_path, "--reporter", "line")
    done = node.run(*command, RESERVE_URL=f"{mirrors}/open", RESERVE_TOKEN=TOKEN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
