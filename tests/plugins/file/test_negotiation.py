"""Precompressed siblings: RFC 9110 section 12.5.3."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from reserve_core import Mock
from reserve_file.disk_files import SMALL

Mocked = Callable[..., Awaitable[Mock]]


@pytest.fixture(params=[10, SMALL + 1], ids=["small", "large"])
def www(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "www"
    folder.mkdir()
    for suffix in ("", ".br", ".zst", ".gz"):
        (folder / f"a.js{suffix}").write_bytes((suffix or ".js").encode() * request.param)
    (folder / "index.html").write_bytes(b"top")
    (folder / "index.html.gz").write_bytes(b"top.gz")
    (folder / "plain.js").write_bytes(b"plain")
    return folder


@pytest.fixture
async def site(mocked: Mocked, www: Path) -> Mock:
    return await mocked({"match": "^/(.*)", "file": "./www/$1"})


@pytest.mark.parametrize(
    ("accepted", "coding", "suffix"),
    [
        ("gzip, deflate, br, zstd", "br", ".br"),
        ("gzip, zstd", "zstd", ".zst"),
        ("gzip", "gzip", ".gz"),
        ("deflate", None, ""),
        ("identity", None, ""),
        ("*;q=0", None, ""),
    ],
)
async def test_the_best_sibling(site: Mock, www: Path, accepted: str, coding: str | None, suffix: str) -> None:
    content = (www / f"a.js{suffix}").read_bytes()
    for _ in range(2):
        response = await site.request("GET", "/a.js", {"accept-encoding": accepted})
        assert (response.status, response.body) == (200, content)
        assert response.headers.get("content-encoding") == coding
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert response.headers["content-length"] == str(len(content))
        assert response.headers["vary"] == "accept-encoding"
        head = await site.request("HEAD", "/a.js", {"accept-encoding": accepted})
        assert head.headers == response.headers


async def test_each_has_its_own_etag(site: Mock) -> None:
    accepted = ["br", "zstd", "gzip", "identity"]
    tags = [(await site.request("GET", "/a.js", {"accept-encoding": name})).headers["etag"] for name in accepted]
    assert len(set(tags)) == 4
    for name, tag in zip(accepted, tags, strict=True):
        statuses = [
            (await site.request("GET", "/a.js", {"accept-encoding": other, "if-none-match": tag})).status
            for other in accepted
        ]
        assert statuses == [304 if other == name else 200 for other in accepted]


async def test_a_range_is_one_of_what_is_sent(site: Mock, www: Path) -> None:
    content = (www / "a.js.gz").read_bytes()
    response = await site.request("GET", "/a.js", {"accept-encoding": "gzip", "range": "bytes=1-3"})
    assert (response.status, response.body) == (206, content[1:4])
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-range"] == f"bytes 1-3/{len(content)}"


async def test_the_index_of_a_folder(site: Mock) -> None:
    assert (await site.request("GET", "/", {"accept-encoding": "gzip"})).body == b"top.gz"


async def test_vary_also_without_siblings(site: Mock) -> None:
    for headers in ({}, {"accept-encoding": "br"}):
        response = await site.request("GET", "/plain.js", headers)
        assert (response.body, response.headers["vary"]) == (b"plain", "accept-encoding")


async def test_a_sibling_by_its_own_name_is_not_encoded(site: Mock) -> None:
    response = await site.request("GET", "/a.js.gz", {"accept-encoding": "gzip"})
    assert "content-encoding" not in response.headers
    assert response.headers["content-type"] == "application/gzip"


async def test_a_kept_sibling_is_not_found_by_its_path(mocked: Mocked, www: Path) -> None:
    for path in www.iterdir():
        os.utime(path, (10**9, 10**9))
    site = await mocked({"file": "$1"})
    assert "content-encoding" in (await site.request("GET", "/www/a.js", {"accept-encoding": "gzip"})).headers
    assert (await site.request("GET", f"{www}/a.js.gz")).status == 404


async def test_a_sibling_without_its_file_is_not_served(site: Mock, www: Path) -> None:
    (www / "a.js").unlink()
    assert (await site.request("GET", "/a.js", {"accept-encoding": "gzip"})).status == 404


async def test_siblings_that_come_and_go(site: Mock, www: Path) -> None:
    async def coding() -> str | None:
        return (await site.request("GET", "/a.js", {"accept-encoding": "br, gzip"})).headers.get("content-encoding")

    for path in www.iterdir():
        os.utime(path, (10**9, 10**9))  # long ago: so that they are remembered
    assert await coding() == "br"
    (www / "a.js.br").unlink()
    assert await coding() == "gzip"
    (www / "a.js.gz").unlink()
    assert await coding() is None
    (www / "a.js.br").write_bytes(b"new")
    assert await coding() == "br"


async def test_a_sibling_of_a_former_version_is_not_served(site: Mock, www: Path) -> None:
    for suffix in ("", ".gz"):
        os.utime(www / f"a.js{suffix}", (10**9, 10**9))
    assert "content-encoding" in (await site.request("GET", "/a.js", {"accept-encoding": "gzip"})).headers
    (www / "a.js").write_bytes(b"edited")
    response = await site.request("GET", "/a.js", {"accept-encoding": "gzip"})
    assert response.body == b"edited"
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
async def test_a_sibling_that_may_not_be_served(site: Mock, www: Path, kind: str) -> None:
    sibling = www / "plain.js.gz"
    if kind == "link":
        (www.parent / "secret").write_bytes(b"secret")
        sibling.symlink_to("../secret")
    elif kind == "folder":
        sibling.mkdir()
    else:
        os.mkfifo(sibling)
    response = await site.request("GET", "/plain.js", {"accept-encoding": "gzip"})
    assert (response.status, response.body) == (200, b"plain")
    assert "content-encoding" not in response.headers
