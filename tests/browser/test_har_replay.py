"""A HAR that Chromium records is what `replay` serves to Chromium: the page can't tell it from the site."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from reserve_core import Request, Response
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from reserve_core.testing import StartServer

PAGE = """<!doctype html><meta charset="utf-8"><title>Shop</title><img src="/pixel.gif"><output></output>
<script type="module">
const read = async (...call) => { const got = await fetch(...call); return [got.status, await got.text()].join(" "); };
const bytes = new Uint8Array(await (await fetch("/bytes")).arrayBuffer());
const events = await new Promise((resolve) => {
  const seen = [], source = new EventSource("/events");
  source.onmessage = ({ data }) => seen.push(data);
  source.onerror = () => { source.close(); resolve(seen); };  // at its end: of one that is cut the HAR has no body
});
const told = [
  await read("/api/books?page=2&sort=title"), await read("/moved"), await read("/api/job"), await read("/api/job"),
  await read("/api/books", { method: "POST", body: "{}" }), await read("/empty"), await read("/missing"),
  bytes.length, bytes[255], document.images[0].naturalWidth, events,
];
document.querySelector("output").textContent = JSON.stringify(told);
</script>
"""
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
TOLD = (
    '["200 {\\"books\\":[\\"µ\\"]}","200 {\\"moved\\":true}","200 queued","200 done","201 made","204 ","404 Not found",'
    '256,255,1,["0","1","2"]]'
)


def books(request: Request, response: Response) -> list[Any]:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return [gzip.compress('{"books":["µ"]}'.encode()), {"headers": headers}]


async def events(request: Request, response: Response) -> None:
    response.headers["content-type"] = "text/event-stream"
    for number in range(3):
        await response.write(f"data: {number}\n\n")
    await response.end()


def mappings() -> list[dict[str, Any]]:
    jobs = iter(("queued", "done"))

    def moved(request: Request, response: Response) -> list[Any]:
        return ["", {"status": 302, "headers": {"location": f"http://{request.host}/there"}}]

    return [
        {"match": "^/$", "custom": [PAGE, {"headers": {"content-type": "text/html"}}]},
        {"match": "^/pixel.gif$", "custom": [GIF, {"headers": {"content-type": "image/gif"}}]},
        {"match": "^/bytes$", "custom": [bytes(range(256))]},
        {"match": "^/events$", "custom": events},
        {"method": "POST", "match": "^/api/books$", "custom": ["made", {"status": 201}]},
        {"match": "^/api/books", "custom": books},
        {"match": "^/moved$", "custom": moved},
        {"match": "^/there$", "custom": [{"moved": True}]},
        {"match": "^/api/job$", "custom": lambda request, response: [next(jobs)]},
        {"match": "^/empty$", "status": 204},
        {"match": "^/favicon.ico$", "status": 204},
        {"status": 404},
    ]


def shows(page: Page, url: str) -> None:
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(url)
    expect(page.locator("output")).to_have_text(TOLD)


@pytest.mark.parametrize("name", ["site.har", "site.zip"])
def test_chromium_sees_what_chromium_recorded(
    browser: Browser, reserve_server: StartServer, tmp_path: Path, name: str
) -> None:
    """In an archive, the bodies are files of their own."""
    context = browser.new_context(record_har_path=tmp_path / name)
    shows(context.new_page(), reserve_server({"mappings": mappings()}).url)
    context.close()

    replay = reserve_server({"cwd": str(tmp_path), "mappings": [{"replay": f"./{name}"}, {"status": 500}]})
    context = browser.new_context()
    shows(context.new_page(), replay.url)
    context.close()
