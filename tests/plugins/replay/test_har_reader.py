"""HAR files: what browsers, proxies and mirrors write into them, and what is wrong with others."""

from __future__ import annotations

import base64
import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest

from reserve_core import ConfigError
from reserve_replay import RecordedExchange, read_exchanges

URL = "https://api.example.com/books?page=2#top"


def entry(url: str = URL, *, status: int = 200, headers: Any = (), **content: Any) -> dict[str, Any]:
    return {
        "startedDateTime": "2026-01-31T12:00:00.000Z",
        "time": 12.5,
        "request": {"method": "GET", "url": url, "headers": [{"name": "Accept", "value": "*/*"}]},
        "response": {
            "status": status,
            "headers": [{"name": name, "value": value} for name, value in headers],
            "content": {"size": -1, **content},
        },
    }


@pytest.fixture
def har(tmp_path: Path) -> Path:
    return tmp_path / "api.har"


def read(har: Path, *entries: Any) -> list[RecordedExchange]:
    har.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return read_exchanges(har).exchanges


def left_out(har: Path, *entries: Any) -> list[str]:
    assert read(har, *entries) == []
    return read_exchanges(har).left_out


def encoded(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "text": base64.b64encode(data).decode(), "encoding": "base64"}


def test_an_entry_is_an_exchange(har: Path) -> None:
    (exchange,) = read(
        har, entry(text="µ", size=2, headers=[("Content-Type", "text/plain"), ("X-A", "1"), ("X-A", "2")])
    )
    assert exchange.request_bytes() == b"GET /books?page=2 HTTP/1.1\r\nHost: api.example.com\r\nAccept: */*\r\n\r\n"
    assert exchange.response_bytes() == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1\r\nX-A: 2\r\n\r\n\xc2\xb5"
    )
    assert (exchange.time, exchange.duration) == ("2026-01-31T12:00:00.000Z", 12.5)
    assert exchange.place == "api.har, entry 1"
    assert read(har, {**entry(text=""), "comment": "a remark"})[0].comment == "a remark"


def test_a_body_in_base64_is_its_bytes(har: Path) -> None:
    (exchange,) = read(har, entry(**encoded(b"\x00\xff")))
    assert exchange.response.body == b"\x00\xff"


@pytest.mark.parametrize(
    ("coding", "content", "body", "kept"),
    [
        ("gzip", {"text": '{"a": 1}', "size": 8}, b'{"a": 1}', False),  # a browser's
        ("br", encoded(b"\x89PNG"), b"\x89PNG", False),
        ("gzip", encoded(b"\x1f\x8b\x08no"), b"\x1f\x8b\x08no", False),
        ("gzip", encoded(gzip.compress(b"a", mtime=0)), gzip.compress(b"a", mtime=0), True),  # a mirror's
        ("br", encoded(brotli.compress(b"a")), brotli.compress(b"a"), True),
        ("gzip", {"text": "", "size": 0}, b"", True),
        ("unheard-of", encoded(b"\xff"), b"\xff", False),
    ],
)
def test_a_content_coding_that_a_browser_took_off_is_not_named(
    har: Path, coding: str, content: dict[str, Any], body: bytes, kept: bool
) -> None:
    (exchange,) = read(har, entry(headers=[("content-encoding", coding)], **content))
    assert exchange.response.body == body
    assert ("content-encoding" in exchange.response.headers) is kept


def test_http_2_is_made_http_1(har: Path) -> None:
    found = entry(text="x", size=1, headers=[(":status", "200"), ("x-a", "1")])
    found["request"]["headers"] = [{"name": ":authority", "value": "api.example.com"}, {"name": ":path", "value": "/"}]
    found["response"]["httpVersion"] = "h2"
    (exchange,) = read(har, found)
    assert exchange.request.field_lines == ("Host: api.example.com",)
    assert exchange.response.field_lines == ("x-a: 1",)


def test_fields_that_were_joined_are_apart_again(har: Path) -> None:
    (exchange,) = read(
        har, entry(text="", size=0, headers=[("set-cookie", "a=1\nb=2"), ("x-name", "caf\xe9"), ("x-y", "✓")])
    )
    assert exchange.response.field_lines == (
        "set-cookie: a=1",
        "set-cookie: b=2",
        "x-name: caf\xe9",
        "x-y: \xe2\x9c\x93",
    )


def test_what_came_from_the_cache_is_whole(har: Path) -> None:
    cached, empty = read(har, entry(status=304, text="kept", size=4), entry(status=304))
    assert (cached.status, cached.response.body) == (200, b"kept")
    assert (empty.status, empty.response.body) == (304, b"")


def test_a_status_without_a_usual_reason_has_none(har: Path) -> None:
    (exchange,) = read(har, entry(status=299, text=""))
    assert exchange.response.first_line == "HTTP/1.1 299"


@pytest.mark.parametrize("status", [204, 301, 302, 307, 404])
def test_a_response_without_a_body_needs_none(har: Path, status: int) -> None:
    (exchange,) = read(har, entry(status=status, headers=[("location", "https://api.example.com/x")]))
    assert (exchange.status, exchange.response.body) == (status, b"")


@pytest.mark.parametrize(
    ("post", "body"),
    [
        ({"text": '{"a": 1}'}, b'{"a": 1}'),
        ({"text": "/w==", "_encoding": "base64"}, b"\xff"),
        ({"params": [{"name": "a b", "value": "1"}, {"name": "c"}]}, b"a+b=1&c="),
        ({}, b""),
    ],
)
def test_the_body_of_a_request(har: Path, post: dict[str, Any], body: bytes) -> None:
    found = entry(text="", size=0)
    found["request"] |= {"method": "POST", "postData": {"mimeType": "x/y", **post}}
    (exchange,) = read(har, found)
    assert exchange.request.body == body


def test_bodies_that_are_attached(tmp_path: Path, har: Path) -> None:
    """As Playwright does with `content: "attach"`: beside the HAR, or with it in an archive."""
    (tmp_path / "1.bin").write_bytes(b"\xff")
    (exchange,) = read(har, entry(_file="1.bin"))
    assert exchange.response.body == b"\xff"
    assert left_out(har, entry(_file="../secret")) == ["1 (the file of its body is missing: ../secret)"]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("har.har", json.dumps({"log": {"entries": [entry(_file="1.bin")]}}))
        archive.writestr("1.bin", b"\xfe")
    (exchange,) = read_exchanges(tmp_path / "all.zip").exchanges
    assert (exchange.response.body, exchange.place) == (b"\xfe", "all.zip/har.har, entry 1")


def test_what_cannot_be_replayed_is_left_out(har: Path) -> None:
    cut = entry(text="x", size=2)
    cut["response"]["_truncated"] = True
    asked = entry(text="x", size=1)
    asked["request"]["postData"] = {"text": "x", "_truncated": True}
    assert left_out(
        har,
        entry("data:text/plain,x"),
        entry("wss://api.example.com/"),
        entry(status=101),
        entry(status=0),
        entry(size=5),
        cut,
        asked,
    ) == [
        "1 (data: is no address of HTTP)",
        "2 (wss: is no address of HTTP)",
        "3 (a WebSocket)",
        "4 (no response came)",
        "5 (its body isn't there: save the HAR with content)",
        "6 (its body was kept in part only)",
        "7 (its body was kept in part only)",
    ]


def test_a_byte_order_mark_is_no_mistake(har: Path) -> None:
    har.write_text('\ufeff{"log": {"entries": []}}')
    assert read_exchanges(har).exchanges == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n"log"', "api.har:2: Expecting ':' delimiter"),
        ("[]", "api.har is no HAR: there is no object 'log'"),
        ('{"log": {"entries": 1}}', "api.har is no HAR: there is no list 'entries'"),
        (b"\xff", "api.har is no HAR: 'utf-8' codec can't decode"),
    ],
)
def test_a_file_that_is_no_har(har: Path, text: str | bytes, told: str) -> None:
    har.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        read_exchanges(har)
    assert told in str(caught.value)


def test_every_wrong_entry_is_told(har: Path) -> None:
    without_headers, without_url, spaced, odd = entry(), entry(), entry(text=""), entry()
    del without_headers["response"]["headers"]
    without_url["request"]["url"] = None
    spaced["response"]["headers"] = [{"name": "a b", "value": "1"}]
    odd["request"]["method"] = "G T"
    odd["response"]["content"] = None
    base64_of_none = entry(text="/", encoding="base64")
    fine = entry(text="", size=0)
    entries = [{}, without_headers, base64_of_none, without_url, "x", spaced, odd, fine, entry("http://[/")]
    with pytest.raises(ConfigError) as caught:
        read(har, *entries)
    assert [problem.message for problem in caught.value.problems] == [
        "api.har, entry 1: there is no object 'request'",
        "api.har, entry 2: there is no list 'headers'",
        "api.har, entry 3: its body is no base64",
        "api.har, entry 4: there is no text 'url'",
        "api.har, entry 5: there is no object 'request'",
        "api.har, entry 6: 'a b: 1' is no header line",
        "api.har, entry 7: 'G T /books?page=2 HTTP/1.1' is no request line",
        "api.har, entry 9: Invalid IPv6 URL",
    ]


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "all.ZIP").write_bytes(b"not found")
    with pytest.raises(ConfigError, match=r"all\.ZIP can't be read: File is not a zip file"):
        read_exchanges(tmp_path / "all.ZIP")


def test_an_archive_that_cannot_be_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.har", "x" * 100)
    (tmp_path / "all.zip").write_bytes((tmp_path / "all.zip").read_bytes().replace(b"x" * 100, b"y" * 100))
    with pytest.raises(ConfigError, match=r"all\.zip can't be read: Bad CRC-32"):
        read_exchanges(tmp_path / "all.zip")
