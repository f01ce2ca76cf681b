"""Conditional requests: RFC 9110 section 13."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from multidict import CIMultiDict

from reserve_core import Mock
from reserve_file.conditional import parse_date, precondition, range_applies
from reserve_file.disk_files import SMALL

Mocked = Callable[..., Awaitable[Mock]]

ETAG = '"a"'
DATE = 784111777
BEFORE, NOW, AFTER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (36, 37, 38))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"if-match": ETAG}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"b", "a"'}, 200),
        ({"if-match": '"b"'}, 412),
        ({"if-match": 'W/"a"'}, 412),  # 13.1.1: strong comparison
        ({"if-match": "nonsense"}, 412),
        ({"if-match": "a"}, 412),
        ({"if-unmodified-since": BEFORE}, 412),
        ({"if-unmodified-since": NOW}, 200),
        ({"if-unmodified-since": AFTER}, 200),
        ({"if-unmodified-since": "nonsense"}, 200),
        ({"if-none-match": ETAG}, 304),
        ({"if-none-match": 'W/"a"'}, 304),  # 13.1.2: weak comparison
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": ' "x,y" ,"a"'}, 304),
        ({"if-none-match": '"b"'}, 200),
        ({"if-none-match": '"ab", "ba"'}, 200),
        ({"if-none-match": "nonsense"}, 200),
        ({"if-none-match": ""}, 200),
        ({"if-modified-since": BEFORE}, 200),
        ({"if-modified-since": NOW}, 304),
        ({"if-modified-since": AFTER}, 304),
        ({"if-modified-since": "nonsense"}, 200),
        ({"if-modified-since": ""}, 200),
        # 13.2.2: the order
        ({"if-match": ETAG, "if-unmodified-since": BEFORE}, 200),
        ({"if-match": '"b"', "if-none-match": ETAG}, 412),
        ({"if-match": ETAG, "if-none-match": ETAG}, 304),
        ({"if-unmodified-since": BEFORE, "if-none-match": ETAG}, 412),
        ({"if-none-match": '"b"', "if-modified-since": AFTER}, 200),
        ({"if-none-match": ETAG, "if-modified-since": BEFORE}, 304),
    ],
)
def test_precondition(headers: dict[str, str], expected: int) -> None:
    assert precondition(CIMultiDict(headers), ETAG, DATE) == expected


def test_a_list_in_several_headers() -> None:
    assert precondition(CIMultiDict([("if-none-match", '"b"'), ("If-None-Match", ETAG)]), ETAG, DATE) == 304


def test_a_repeated_date_does_not_count() -> None:
    assert precondition(CIMultiDict([("if-modified-since", AFTER)] * 2), ETAG, DATE) == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"if-match": ETAG}, 412),
        ({"if-match": "*"}, 200),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": ETAG}, 200),
        ({"if-modified-since": AFTER}, 200),
        ({"if-unmodified-since": BEFORE}, 200),
    ],
)
def test_without_validators(headers: dict[str, str], expected: int) -> None:
    assert precondition(CIMultiDict(headers), None, None) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(ETAG, True), ('"b"', False), ('W/"a"', False), (NOW, True), (BEFORE, False), (AFTER, False), ("nonsense", False)],
)
def test_if_range(value: str, expected: bool) -> None:
    assert range_applies(CIMultiDict({"if-range": value}), ETAG, DATE) is expected


def test_no_if_range() -> None:
    assert range_applies(CIMultiDict(), ETAG, DATE)
    assert not range_applies(CIMultiDict([("if-range", ETAG)] * 2), ETAG, DATE)


@pytest.mark.parametrize(
    "value", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_the_three_forms_of_a_date(value: str) -> None:
    assert parse_date(value) == DATE


@pytest.mark.parametrize(
    "value",
    ["", " ", "0", "-1", "Sun", ",", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT", "\u0661"],
)
def test_no_date(value: str) -> None:
    assert parse_date(value) is None


@pytest.fixture(params=[10, SMALL + 1], ids=["small", "large"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "page.txt"
    path.write_bytes(b"x" * request.param)
    os.utime(path, (DATE, DATE))
    return path


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("strategy", [0, 60, "modified"])
async def test_not_modified(mocked: Mocked, page: Path, method: str, strategy: object) -> None:
    site = await mocked({"match": "^/(.*)", "file": "./$1", "caching-strategy": strategy})
    full = (await site.request(method, "/page.txt")).headers
    for condition in ({"if-none-match": full["etag"]}, {"if-modified-since": full["last-modified"]}):
        response = await site.request(method, "/page.txt", condition)
        assert (response.status, response.body) == (304, b"")
        kept = ("cache-control", "etag", "last-modified", "vary")
        assert dict(response.headers) == {name: full[name] for name in kept}, "RFC 9110 section 15.4.5"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_precondition_failed(mocked: Mocked, page: Path, method: str) -> None:
    site = await mocked({"match": "^/(.*)", "file": "./$1", "caching-strategy": 3600})
    response = await site.request(method, "/page.txt", {"if-match": '"another"'})
    assert (response.status, response.body) == (412, b"")
    assert response.headers["cache-control"] == "no-store", "a failure isn't to be kept for an hour"
    assert "etag" not in response.headers


async def test_an_edit_changes_the_validators(mocked: Mocked, page: Path) -> None:
    site = await mocked({"match": "^/(.*)", "file": "./$1"})
    tags = {(await site.request("GET", "/page.txt")).headers["etag"]}
    content = page.read_bytes()
    os.utime(page, ns=(0, DATE * 10**9 + 1))
    tags.add((await site.request("GET", "/page.txt")).headers["etag"])
    page.write_bytes(content + b"x")
    tags.add((await site.request("GET", "/page.txt")).headers["etag"])
    written = page.stat().st_mtime_ns
    other = page.with_name("other.txt")
    other.write_bytes(content + b"x")
    os.utime(other, ns=(written, written))
    other.replace(page)
    tags.add((await site.request("GET", "/page.txt")).headers["etag"])
    assert len(tags) == 4
