"""What the file handler answers with."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError, Mock, Request, Response
from reserve_file.disk_files import SMALL

Mocked = Callable[..., Awaitable[Mock]]
SITE = {"match": "^/(.*)", "file": "./www/$1"}
LARGE = bytes(range(256)) * 4096  # 1 MB


@pytest.fixture(autouse=True)
def www(tmp_path: Path) -> Path:
    folder = tmp_path / "www"
    files = {
        "index.html": b"<h1>top</h1>",
        "sub/index.html": b"<h1>sub</h1>",
        "page.txt": b"a page",
        "empty.txt": b"",
        "noextension": b"?",
        "large.bin": LARGE,
        "bare/file.txt": b"in bare",
        "with space.txt": b"space",
        "100%.txt": b"percent",
        "a#b?c.txt": b"delimiters",
        "caf\u00e9.txt": b"accent",
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/page.txt", b"a page"),
        ("/page.txt?x=1&y=/../..", b"a page"),
        ("/large.bin", LARGE),
        ("/empty.txt", b""),
        ("/", b"<h1>top</h1>"),
        ("/?x", b"<h1>top</h1>"),
        ("/sub/", b"<h1>sub</h1>"),
        ("/sub/?x=1", b"<h1>sub</h1>"),
        ("/bare/file.txt", b"in bare"),
        ("/bare//file.txt", b"in bare"),
        ("/bare/../page.txt", b"a page"),
        ("/with%20space.txt", b"space"),
        ("/100%25.txt", b"percent"),
        ("/a%23b%3Fc.txt", b"delimiters"),
        ("/caf%C3%A9.txt", b"accent"),
    ],
)
async def test_served(mocked: Mocked, url: str, body: bytes) -> None:
    site = await mocked(SITE)
    response = await site.request("GET", url)
    assert (response.status, response.body) == (200, body)
    assert response.headers["content-length"] == str(len(body))
    assert response.headers["accept-ranges"] == "bytes"
    head = await site.request("HEAD", url)
    assert (head.status, head.body, head.headers) == (200, b"", response.headers)


@pytest.mark.parametrize(
    "url", ["/missing.txt", "/page.txt/", "/PAGE.TXT", "/bare", "/bare/", "/page.txt/x", "/100%2525"]
)
async def test_left_to_the_next_mapping(mocked: Mocked, url: str) -> None:
    seen: list[str] = []
    site = await mocked(SITE, {"custom": lambda request, response: seen.append(str(response.headers) + request.url)})
    assert (await site.request("GET", url)).status == 404
    assert seen == ["<CIMultiDict()>" + url], "the response is as it was before"


async def test_the_next_mapping_serves_what_is_missing_in_the_first(mocked: Mocked, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/more.txt").write_text("more")
    site = await mocked(SITE, {"match": "^/(.*)", "file": "./other/$1"})
    assert (await site.request("GET", "/page.txt")).text == "a page"
    assert (await site.request("GET", "/more.txt")).text == "more"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_not_for_it(mocked: Mocked, method: str) -> None:
    site = await mocked(SITE)
    assert (await site.request(method, "/page.txt")).status == 404


@pytest.mark.parametrize(
    ("value", "url", "expected"),
    [
        ("www/$1", "/page.txt", 200),
        ("$1", "/www/page.txt", 200),
        ("/$1", "/www/page.txt", 200),  # no root of the whole file system
        ("/$1", "/etc/passwd", 404),
        ("./www/page.txt", "/whatever", 200),
        ("./www/", "/whatever", 301),
        ("./www", "/whatever", 301),
        ("./www/", "/whatever/", 200),
        ("./www", "/whatever/", 200),
        ("./www/page.txt/", "/whatever", 404),
        ("./www/$1.txt", "/page", 200),
        ("./w$1/page.txt", "/ww", 200),
        ("./nowhere/$1", "/page.txt", 404),
    ],
)
async def test_values(mocked: Mocked, value: str, url: str, expected: int) -> None:
    site = await mocked({"match": "^/(.*)", "file": value})
    assert (await site.request("GET", url)).status == expected


async def test_an_absolute_path(mocked: Mocked, www: Path) -> None:
    site = await mocked({"match": "^/(.*)", "file": f"{www}/$1"})
    assert (await site.request("GET", "/page.txt")).text == "a page"


async def test_a_path_that_climbs_by_the_authors_hand(mocked: Mocked) -> None:
    site = await mocked({"match": "^/(.*)", "cwd": "www/sub", "file": "../$1"})
    assert (await site.request("GET", "/page.txt")).text == "a page"


async def test_cwd_of_the_mapping(mocked: Mocked) -> None:
    site = await mocked({"match": "^/(.*)", "cwd": "www", "file": "$1"})
    assert (await site.request("GET", "/page.txt")).text == "a page"


@pytest.mark.parametrize("value", ["$1/../x", "./www/$1/.."])
async def test_climbing_after_a_group_is_a_mistake(mocked: Mocked, value: str) -> None:
    with pytest.raises(ConfigError, match=r"'\.\.' after a group"):
        await mocked({"match": "^/(.*)", "file": value})


@pytest.mark.parametrize(
    ("strategy", "cache_control"),
    [(0, "no-store"), ("modified", "no-cache"), (3600, "public, max-age=3600, immutable")],
)
async def test_caching_strategy(mocked: Mocked, www: Path, strategy: Any, cache_control: str) -> None:
    os.utime(www / "page.txt", (784111777, 784111777))
    site = await mocked({**SITE, "caching-strategy": strategy})
    headers = (await site.request("GET", "/page.txt")).headers
    assert headers["cache-control"] == cache_control
    assert headers["last-modified"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert headers["etag"].startswith('"')


async def test_the_default_is_not_to_store(mocked: Mocked) -> None:
    site = await mocked(SITE)
    assert (await site.request("GET", "/page.txt")).headers["cache-control"] == "no-store"


async def test_last_modified_is_never_in_the_future(mocked: Mocked, www: Path) -> None:
    os.utime(www / "page.txt", (2**33, 2**33))
    site = await mocked(SITE)
    modified = (await site.request("GET", "/page.txt")).headers["last-modified"]
    assert time.strptime(modified, "%a, %d %b %Y %H:%M:%S GMT") <= time.gmtime()


@pytest.mark.parametrize("size", [6, SMALL, SMALL + 1, len(LARGE)])
async def test_a_status_that_was_set_is_kept(mocked: Mocked, www: Path, size: int) -> None:
    (www / "x.bin").write_bytes(LARGE[:size])
    site = await mocked({"custom": lambda request, response: setattr(response, "status", 404)}, SITE)
    plain = await site.request("GET", "/x.bin")
    headers = {"if-none-match": plain.headers["etag"], "range": "bytes=0-1"}
    received = await site.request("GET", "/x.bin", headers)
    assert (received.status, received.body) == (404, LARGE[:size]), "it's no 200: neither conditions nor ranges apply"


async def test_headers_of_earlier_mappings(mocked: Mocked) -> None:
    def prepare(request: Request, response: Response) -> None:
        response.headers.extend({"vary": "origin", "x-own": "1", "content-type": "text/x-own"})

    site = await mocked({"custom": prepare}, SITE)
    headers = (await site.request("GET", "/page.txt")).headers
    assert headers["vary"] == "origin, accept-encoding"
    assert headers["x-own"] == "1"
    assert headers.getall("content-type") == ["text/plain; charset=utf-8"]


async def test_a_file_that_shrinks_while_it_is_sent_is_no_clean_response(mocked: Mocked, www: Path) -> None:
    class Shrink:
        """A writer that cuts the file when its first chunk comes by."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        async def write(self, chunk: bytes) -> None:
            os.truncate(www / "large.bin", len(chunk) + 10)
            await self.inner.write(chunk)

    def wrap(request: Request, response: Response) -> None:
        response.writer = Shrink(response.writer)

    site = await mocked({"custom": wrap}, SITE)
    received = await site.request("GET", "/large.bin")
    assert received.aborted
    assert 0 < len(received.body) < len(LARGE)


async def test_a_file_that_grows_while_it_is_sent_ends_where_it_ended(mocked: Mocked, www: Path) -> None:
    class Grow:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        async def write(self, chunk: bytes) -> None:
            with (www / "large.bin").open("ab") as file:
                file.write(b"more")
            await self.inner.write(chunk)

    def wrap(request: Request, response: Response) -> None:
        response.writer = Grow(response.writer)

    site = await mocked({"custom": wrap}, SITE)
    received = await site.request("GET", "/large.bin")
    assert not received.aborted
    assert received.body == LARGE
