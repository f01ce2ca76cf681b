"""Content types by extension."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError
from reserve_file.mime import content_type, type_table


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("index.html", "text/html"),
        ("a.css", "text/css"),
        ("a.js", "text/javascript"),
        ("a.mjs", "text/javascript"),
        ("a.json", "application/json"),
        ("a.map", "application/json"),
        ("a.webmanifest", "application/manifest+json"),
        ("a.wasm", "application/wasm"),
        ("a.svg", "image/svg+xml"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.woff2", "font/woff2"),
        ("a.md", "text/markdown"),
        ("a.txt", "text/plain"),
        ("A.TXT", "text/plain"),
        ("a.b.png", "image/png"),
        ("a.tar.gz", "application/gzip"),
        ("noextension", "application/octet-stream"),
        ("unknown.xyzzy", "application/octet-stream"),
        ("dot.", "application/octet-stream"),
        (".txt", "application/octet-stream"),
    ],
)
def test_types(name: str, expected: str) -> None:
    assert content_type(type_table({}, None), name) == expected


@pytest.mark.parametrize("extension", ["txt", ".txt", "TXT"])
def test_own_types_win(extension: str) -> None:
    table = type_table({extension: "text/x-own"}, None)
    assert content_type(table, "a.txt") == "text/x-own"
    assert content_type(table, "a.css") == "text/css"


def test_the_machines_own_table_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = type_table({}, None)
    mimetypes.init()
    try:
        mimetypes.add_type("text/x-evil", ".css")
        assert type_table({}, None) == before
    finally:
        mimetypes.init()


async def test_mime_types_option(mocked: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    site = await mocked({"match": "^/(.*)", "file": "./$1", "mime-types": {"txt": "text/plain; charset=utf-8"}})
    assert (await site.request("GET", "/a.txt")).headers["content-type"] == "text/plain; charset=utf-8"


OWN = "text/x-own; charset=a"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["text/plain; charset=utf-8", "text/javascript; charset=utf-8", "application/json", OWN]),
        ({"charset": "iso-8859-1"}, ["text/plain; charset=iso-8859-1"]),
        ({"charset": None}, ["text/plain", "text/javascript", "application/json", OWN]),
    ],
)
async def test_text_says_its_charset(mocked: Any, tmp_path: Path, options: Any, expected: list[str]) -> None:
    site = await mocked({"match": "^/(.*)", "file": "./$1", "mime-types": {"own": OWN}, **options})
    for name, sent in zip(("a.txt", "a.js", "a.json", "a.own"), expected, strict=False):
        (tmp_path / name).write_bytes(b"caf\xc3\xa9")
        for url in (f"/{name}", f"/{name}?again"):
            assert (await site.request("GET", url)).headers["content-type"] == sent


@pytest.mark.parametrize("charset", ["", "a b", "utf-8\r\nx-evil: 1", 8])
async def test_a_charset_that_is_none_is_a_mistake(mocked: Any, charset: Any) -> None:
    with pytest.raises(ConfigError):
        await mocked({"file": "./$1", "charset": charset})


async def test_a_type_that_is_no_header_value_is_a_mistake(mocked: Any) -> None:
    with pytest.raises(ConfigError):
        await mocked({"file": "./$1", "mime-types": {"txt": "text/plain\r\nx-evil: 1"}})
