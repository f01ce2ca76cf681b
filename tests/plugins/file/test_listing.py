"""The page of a folder."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest

from reserve_core import MemoryResponse, Mock

Mocked = Callable[..., Awaitable[Mock]]
SITE = {"match": "^/(.*)", "file": "./www/$1", "listing": True}

ODD_NAMES = [
    "plain.txt",
    "with space.txt",
    "100%25.txt",
    "a#b?c&d=e.txt",
    "<script>alert(1)<br>",
    '"quoted"\'.txt',
    "caf\u00e9 \u2603.txt",
    "javascript:alert(1)",
    "a:b",
    "dots...",
]


class Links(HTMLParser):
    """The links of a page: address and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [(value or "", "") for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        if self.links and not self.links[-1][1]:
            self.links[-1] = (self.links[-1][0], data)


def _names(response: MemoryResponse) -> list[str]:
    return [text for _, text in Links(response.text).links]


@pytest.fixture(autouse=True)
def www(tmp_path: Path) -> Path:
    folder = tmp_path / "www"
    for name in ("sub/B", "sub/a", "sub/.git", "with index", "odd %2F?# na<me>"):
        (folder / name).mkdir(parents=True)
    (folder / "with index/index.html").write_text("index")
    for name in ("sub/z.txt", "sub/Y.txt", "sub/.env"):
        (folder / name).write_text(name)
    for name in ODD_NAMES:
        (folder / "odd %2F?# na<me>" / name).write_text(name)
    (folder / "odd %2F?# na<me>" / "folder & co").mkdir()
    return folder


async def test_only_if_asked_for(mocked: Mocked) -> None:
    site = await mocked({"match": "^/(.*)", "file": "./www/$1"})
    assert (await site.request("GET", "/sub/")).status == 404


async def test_folders_first_each_by_name(mocked: Mocked) -> None:
    site = await mocked(SITE)
    response = await site.request("GET", "/sub/")
    assert response.status == 200
    assert _names(response) == ["../", "a/", "B/", "Y.txt", "z.txt"]
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    head = await site.request("HEAD", "/sub/")
    assert (head.body, head.headers) == (b"", response.headers)


async def test_the_root_has_no_parent(mocked: Mocked) -> None:
    site = await mocked(SITE)
    assert "../" not in _names(await site.request("GET", "/"))


async def test_index_html_comes_first(mocked: Mocked) -> None:
    site = await mocked(SITE)
    assert (await site.request("GET", "/with%20index/")).text == "index"


@pytest.mark.parametrize("path", ["/odd%20%252F%3F%23%20na%3Cme%3E/", "/odd%20%252F%3F%23%20na%3Cme%3E"])
async def test_every_link_leads_to_its_file(mocked: Mocked, path: str) -> None:
    site = await mocked({**SITE, "redirect-folders": False})
    page = Links((await site.request("GET", path)).text)
    assert {name for _, name in page.links} == {*ODD_NAMES, "folder & co/", "../"}
    assert "script" not in page.tags
    for link, name in page.links:
        url = urljoin(f"http://localhost{path}", link).removeprefix("http://localhost")
        response = await site.request("GET", url)
        assert response.status == 200, link
        if name in ODD_NAMES:
            assert response.text == name
    parent = [link for link, name in page.links if name == "../"]
    assert urljoin(f"http://localhost{path}", parent[0]) == "http://localhost/"


@pytest.mark.parametrize("path", ["/sub/a", "/sub/a/"])
async def test_the_parent_of_a_folder(mocked: Mocked, path: str) -> None:
    site = await mocked({**SITE, "redirect-folders": False})
    ((link, _),) = Links((await site.request("GET", path)).text).links
    assert urljoin(f"http://localhost{path}", link) == "http://localhost/sub/"


async def test_what_is_not_served_is_not_listed(mocked: Mocked, www: Path) -> None:
    folder = www / "sub"
    (www.parent / "secret.txt").write_text("secret")
    os.mkfifo(folder / "fifo")
    for link, target in {
        "outside.txt": "../../secret.txt",
        "above": "../..",
        "dangling": "nowhere",
        "loop": "loop",
        "to-fifo": "fifo",
        "to-dotfile": ".env",
        "device": "/dev/zero",
        "inside.txt": "z.txt",
        "inside": "a",
    }.items():
        (folder / link).symlink_to(target)
    for name in ("back\\slash", "new\nline", "tab\t"):
        (folder / name).write_text("x")
    site = await mocked(SITE)
    shown = ["../", "a/", "B/", "inside/", "inside.txt", "Y.txt", "z.txt"]
    assert _names(await site.request("GET", "/sub/")) == shown
    site = await mocked({**SITE, "dotfiles": True})
    assert {".git/", ".env", "to-dotfile"} <= set(_names(await site.request("GET", "/sub/")))
    site = await mocked({**SITE, "follow-symlinks": True})
    assert {"outside.txt", "above/"} <= set(_names(await site.request("GET", "/sub/")))


async def test_well_known_is_listed(mocked: Mocked, www: Path) -> None:
    (www / "sub/.well-known").mkdir()
    assert ".well-known/" in _names(await (await mocked(SITE)).request("GET", "/sub/"))


async def test_folders_that_may_not_be_listed(mocked: Mocked, www: Path) -> None:
    (www / "outside").symlink_to("..")
    (www.parent / "www2").mkdir()
    site = await mocked(SITE, {"match": "^/pre(.*)", "file": "./www$1", "listing": True})
    for url in ("/outside/", "/outside", "/sub/.git/", "/missing/", "/sub/z.txt/", "/pre2/", "/pre2"):
        assert (await site.request("GET", url)).status == 404, url


async def test_names_that_are_not_utf_8(mocked: Mocked, www: Path) -> None:
    try:
        (www / os.fsdecode(b"sub/\xff.txt")).write_text("bytes")
    except OSError:
        return  # the file system has no such names
    site = await mocked({**SITE, "redirect-folders": False})
    page = Links((await site.request("GET", "/sub/")).text)
    assert "%FF.txt" in [link for link, _ in page.links]
    assert (await site.request("GET", "/sub/%FF.txt")).text == "bytes"
