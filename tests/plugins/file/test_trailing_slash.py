"""A folder's one address: with a slash at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from reserve_core import MemoryResponse, Mock, Request, Response

Mocked = Callable[..., Awaitable[Mock]]
SITE = {"match": "^/(.*)", "file": "./www/$1"}
PAGE = b'<link rel="stylesheet" href="style.css">'


@pytest.fixture(autouse=True)
def www(tmp_path: Path) -> Path:
    folder = tmp_path / "www"
    for name in ("docs", "docs/deep", "docsdeep", "with space", "caf\u00e9", "bare", "a%2Fb", "host.example"):
        (folder / name).mkdir(parents=True)
        if name != "bare":
            (folder / name / "index.html").write_bytes(PAGE)
        (folder / name / "style.css").write_text("")
    (folder / "index.html").write_bytes(PAGE)
    (folder / "latest").symlink_to("docs")
    return folder


def sent_to(response: MemoryResponse) -> str | None:
    """Where a redirect leads to; None for a page."""
    if response.status == 200:
        return None
    assert (response.status, response.body, response.headers["cache-control"]) == (301, b"", "no-store")
    return response.headers["location"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("options", [{}, {"caching-strategy": 3600, "static": True}], ids=str)
@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/docs", "/docs/"),
        ("/docs?x=1", "/docs/?x=1"),
        ("/docs?", "/docs/?"),
        ("/docs?a/?b=/c&d=%2F%3F", "/docs/?a/?b=/c&d=%2F%3F"),
        ("/docs/deep", "/docs/deep/"),
        ("/docs//deep", "/docs//deep/"),
        ("/docs/../docs/./deep", "/docs/deep/"),
        ("/d%6Fcs", "/d%6Fcs/"),
        ("/with%20space", "/with%20space/"),
        ("/caf%C3%A9?%E9", "/caf%C3%A9/?%E9"),
        ("/latest", "/latest/"),
        ("//docs", "/docs/"),
        ("//host.example", "/host.example/"),
        ("///host.example?//a", "/host.example/?//a"),
        ("/.//host.example", "/host.example/"),
    ],
)
async def test_a_folder_is_sent_to_its_slash(
    mocked: Mocked, url: str, location: str, method: str, options: dict[str, Any]
) -> None:
    site = await mocked({**SITE, **options})
    for _ in range(2):  # the second one could come from memory
        assert sent_to(await site.request(method, url)) == location
        assert (await site.request(method, location)).status == 200
    style = urljoin(f"http://localhost{location}", "style.css").removeprefix("http://localhost")
    assert (await site.request("GET", style)).headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    "url", ["/", "/?x", "/docs/", "/docs/?x", "/docs//", "/docs/.", "/docs/deep/..", "/docs/index.html"]
)
async def test_a_page_at_its_address_is_served(mocked: Mocked, url: str) -> None:
    assert (await (await mocked(SITE)).request("GET", url)).body == PAGE


@pytest.mark.parametrize("url", ["/bare", "/bare/", "/missing", "/docs/style.css/", "/docs%2Fdeep"])
async def test_what_is_not_served_is_sent_nowhere(mocked: Mocked, url: str) -> None:
    assert (await (await mocked(SITE)).request("GET", url)).status == 404


async def test_a_folder_that_is_listed_too(mocked: Mocked) -> None:
    site = await mocked({**SITE, "listing": True})
    assert sent_to(await site.request("GET", "/bare?x")) == "/bare/?x"
    assert "style.css" in (await site.request("GET", "/bare/")).text


async def test_the_page_at_both_on_demand(mocked: Mocked) -> None:
    site = await mocked({**SITE, "redirect-folders": False, "listing": True})
    for url in ("/docs", "/docs/", "/docs?x"):
        assert (await site.request("GET", url)).body == PAGE
    assert "style.css" in (await site.request("GET", "/bare")).text


def only_without_a_slash(request: Request, url: str, match: Any) -> bool:
    return not url.endswith("/")


async def asynchronously(request: Request, url: str, match: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("mapping", "url", "location"),
    [
        ({"match": "^/docs$", "file": "./www/docs"}, "/docs", None),
        ({"match": "^/(docs)(/.*)?$", "file": "./www/$1$2"}, "/docs", "/docs/"),
        ({"match": "^/site(.*)", "file": "./www$1"}, "/site", "/site/"),
        ({"match": "^/site/(.*)", "file": "./www/$1"}, "/site/docs", "/site/docs/"),
        ({"match": "/manual", "file": "./www/docs/"}, "/manual", "/manual/"),
        ({"match": "^/([a-z]+?)/?$", "file": "./www/$1"}, "/docs", "/docs/"),
        # The slash makes another folder of it, or none.
        ({"match": "^/(docs)(/?)$", "file": "./www/$1$2deep"}, "/docs", None),
        ({"match": "^/(?:(docs)|docs/())$", "file": "./www/$1$2"}, "/docs", None),
        # The same one by another name, which is a link.
        (
            {"match": r"^/(?:(docs)\?(?:latest)|docs/\?(latest))$", "file": "./www/$1$2"},
            "/docs?latest",
            "/docs/?latest",
        ),
        ({"match": "^/x", "invert-match": True, "file": "./www/docs"}, "/docs", "/docs/"),
        ({"host": "localhost", "match": "^/(.*)", "file": "./www/$1"}, "/docs", "/docs/"),
        ({"host": "other", "invert-match": True, "file": "./www/docs"}, "/docs", "/docs/"),
        ({"method": "PUT", "match": "^/d", "invert-match": True, "file": "./www/docs"}, "/docs", "/docs/"),
        ({"match": "^/docs/$", "invert-match": True, "file": "./www/docs"}, "/docs", None),
        ({**SITE, "if-match": only_without_a_slash}, "/docs", None),
        ({**SITE, "if-match": asynchronously}, "/docs", "/docs/"),
        # Whatever the URL, it's one file.
        ({"match": "^/docs", "file": "./www/docs/index.html"}, "/docs", None),
    ],
)
async def test_the_same_mapping_must_find_the_same_folder(
    mocked: Mocked, mapping: dict[str, Any], url: str, location: str | None
) -> None:
    site = await mocked(mapping)
    for _ in range(2):
        assert sent_to(await site.request("GET", url)) == location


async def test_only_the_client_s_own_url_is_told_of(mocked: Mocked) -> None:
    """After an internal redirect its address bar has nothing to do with the folder."""

    async def dispatched(request: Request, response: Response) -> None:
        inner = Request("GET", "/docs")
        await site.configuration.dispatch(inner, response)

    def not_found(request: Request, response: Response) -> None:
        response.status = 404

    site = await mocked(
        {"match": "^/manual$", "custom": lambda request, response: "/docs"},
        {"match": "^/inside$", "custom": dispatched},
        {"match": "^/error$", "custom": not_found},
        {"match": "^/error", "file": "./www/docs"},
        SITE,
    )
    for url in ("/manual", "/inside"):
        received = await site.request("GET", url)
        assert (received.status, received.body) == (200, PAGE), url
    received = await site.request("GET", "/error")
    assert (received.status, received.body) == (404, PAGE), "the page of an error"


@pytest.mark.parametrize("target", ["/\\host.example", "/%5Chost.example", "//host.example", "/\\/host.example"])
async def test_no_other_host_is_led_to(mocked: Mocked, target: str) -> None:
    site = await mocked({"file": "./www/docs"})
    location = sent_to(await site.request("GET", target))
    assert location in ("/%5Chost.example/", "/host.example/", "/%5C/host.example/")


async def test_headers_of_earlier_mappings_stay(mocked: Mocked) -> None:
    def early(request: Request, response: Response) -> None:
        response.headers.update({"x-own": "1", "cache-control": "max-age=60"})

    received = await (await mocked({"custom": early}, SITE)).request("GET", "/docs")
    assert sent_to(received) == "/docs/"
    assert received.headers["x-own"] == "1"


class Archive:
    """A custom file system with the folders `docs` and `bare`."""

    def __init__(self, root: Path) -> None:
        self.files = {str(root / name) for name in ("docs/index.html", "docs/style.css", "bare/a.txt")}

    async def stat(self, path: str) -> Any:
        if path in self.files:
            return {"size": 4}
        return {"is_directory": True} if any(file.startswith(f"{path}/") for file in self.files) else None

    async def readdir(self, path: str) -> list[str]:
        return [file.rpartition("/")[2] for file in self.files if file.startswith(f"{path}/")]

    async def create_read_stream(self, path: str, start: int, end: int) -> AsyncIterator[bytes]:
        yield b"page"[start : end + 1]


async def test_a_custom_file_system_too(mocked: Mocked, tmp_path: Path) -> None:
    mapping = {"match": "^/(.*)", "file": "./$1", "custom-file-system": Archive(tmp_path), "listing": True}
    site = await mocked(mapping)
    assert sent_to(await site.request("GET", "/docs?x=1")) == "/docs/?x=1"
    assert sent_to(await site.request("GET", "/bare")) == "/bare/"
    assert (await site.request("GET", "/docs/")).body == b"page"
    assert "a.txt" in (await site.request("GET", "/bare/")).text
    site = await mocked({**mapping, "redirect-folders": False})
    assert (await site.request("GET", "/docs")).body == b"page"
    site = await mocked({**mapping, "match": "^/docs(/?)$", "file": "./bare$1../docs"})
    assert (await site.request("GET", "/docs")).status == 404
