"""Byte ranges: RFC 9110 section 14."""

from __future__ import annotations

import email
import os
import re
from collections.abc import Awaitable, Callable
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from reserve_core import Mock
from reserve_file.disk_files import SMALL
from reserve_file.ranges import MAX_RANGES, content_range, parse_ranges

Mocked = Callable[..., Awaitable[Mock]]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-9", [(0, 10)]),
        ("bytes=2-4", [(2, 5)]),
        ("bytes=5-", [(5, 10)]),
        ("bytes=5-100", [(5, 10)]),
        ("bytes=5-" + "9" * 5000, [(5, 10)]),
        ("bytes=-3", [(7, 10)]),
        ("bytes=-100", [(0, 10)]),
        ("bytes=007-008", [(7, 9)]),
        ("BYTES=0-1", [(0, 2)]),
        ("bytes= 0-1 , 3-4", [(0, 2), (3, 5)]),
        ("bytes=,0-1,,3-4,", [(0, 2), (3, 5)]),
        ("bytes=5-6,0-1", [(5, 7), (0, 2)]),
        ("bytes=0-1,20-30", [(0, 2)]),
        # not to be satisfied
        ("bytes=10-", []),
        ("bytes=10-20", []),
        ("bytes=" + "9" * 5000 + "-", []),
        ("bytes=4-2", []),
        ("bytes=-0", []),
        ("bytes=20-30,40-", []),
        # ignored: malformed, another unit, too much
        ("", None),
        ("bytes", None),
        ("bytes=", None),
        ("bytes=,", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=1", None),
        ("bytes=--1", None),
        ("bytes=1-2-3", None),
        ("bytes=+1-2", None),
        ("bytes=0x1-2", None),
        ("bytes=\u0661-\u0662", None),
        ("bytes=1_0-20", None),
        ("bytes=0-1;2-3", None),
        ("bytes 0-1", None),
        ("items=0-1", None),
        ("bytes=0-1,x", None),
        ("bytes=0-5,5-6", None),
        ("bytes=0-,-1", None),
        ("bytes=0-1,0-1", None),
        ("bytes=" + ",".join(["20-30"] * (MAX_RANGES + 1)), None),
    ],
)
def test_ten_bytes(header: str, expected: list[tuple[int, int]] | None) -> None:
    assert parse_ranges(header, 10) == expected


@pytest.mark.parametrize(
    ("header", "expected"), [("bytes=0-", []), ("bytes=0-0", []), ("bytes=-0", []), ("bytes=-5", None)]
)
def test_no_bytes(header: str, expected: list[tuple[int, int]] | None) -> None:
    assert parse_ranges(header, 0) == expected


SPEC = st.tuples(st.none() | st.integers(0, 300), st.none() | st.integers(0, 300)).filter(
    lambda spec: spec != (None, None)
)


@given(specs=st.lists(SPEC, min_size=1, max_size=20), size=st.integers(0, 200))
def test_what_is_given_is_what_was_asked_for(specs: list[tuple[int | None, int | None]], size: int) -> None:
    header = "bytes=" + ",".join(f"{'' if a is None else a}-{'' if b is None else b}" for a, b in specs)
    positions = range(size)
    asked = [positions[-b:] if b else range(0) for a, b in specs if a is None]  # what Python's slices make of it
    asked += [positions[a : size if b is None else b + 1] for a, b in specs if a is not None]
    flat = [position for span in asked for position in span]
    ranges = parse_ranges(header, size)
    if ranges is None:
        assert len(specs) > MAX_RANGES or len(flat) != len(set(flat)) or size == 0
    else:
        assert sorted(position for start, stop in ranges for position in range(start, stop)) == sorted(flat)


@given(header=st.text() | st.from_regex(r"bytes=[-0-9, ]*", fullmatch=True), size=st.integers(0, 2**62))
def test_any_header(header: str, size: int) -> None:
    ranges = parse_ranges(header, size)
    if ranges is not None:
        assert len(ranges) <= MAX_RANGES
        assert all(0 <= start < stop <= size for start, stop in ranges)
        assert sum(stop - start for start, stop in ranges) <= size
        assert all(re.fullmatch(r"bytes \d+-\d+/\d+", content_range(span, size)) for span in ranges)


@pytest.fixture(params=[100, SMALL + 100, 700_000], ids=["small", "large", "several chunks"])
def content(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    data = os.urandom(request.param)
    (tmp_path / "data.bin").write_bytes(data)
    (tmp_path / "empty.bin").touch()
    return data


@pytest.fixture
async def site(mocked: Mocked, content: bytes) -> Mock:
    return await mocked({"match": "^/(.*)", "file": "./$1"})


@pytest.mark.parametrize(
    ("header", "span"), [("2-5", (2, 6)), ("90-", (90, None)), ("-7", (-7, None)), ("0-999999", (0, None))]
)
async def test_partial_content(site: Mock, content: bytes, header: str, span: tuple[int, int | None]) -> None:
    response = await site.request("GET", "/data.bin", {"range": f"bytes={header}"})
    start, stop, _ = slice(*span).indices(len(content))
    assert (response.status, response.body) == (206, content[start:stop])
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(content)}"
    assert response.headers["content-length"] == str(stop - start)
    full = (await site.request("GET", "/data.bin")).headers
    for name in ("content-type", "accept-ranges", "etag", "last-modified", "cache-control", "vary"):
        assert response.headers[name] == full[name]


@pytest.mark.parametrize("header", ["999999-", "5-2", "-0"])
async def test_not_satisfiable(site: Mock, content: bytes, header: str) -> None:
    response = await site.request("GET", "/data.bin", {"range": f"bytes={header}"})
    assert (response.status, response.body) == (416, b"")
    assert response.headers["content-range"] == f"bytes */{len(content)}"
    assert "etag" not in response.headers


@pytest.mark.parametrize("header", ["nonsense", "bytes=a-b", "items=0-1", "bytes=0-50,40-60"])
async def test_ignored(site: Mock, content: bytes, header: str) -> None:
    response = await site.request("GET", "/data.bin", {"range": header})
    assert (response.status, response.body) == (200, content)
    assert "content-range" not in response.headers


async def test_range_is_for_get_only(site: Mock, content: bytes) -> None:
    response = await site.request("HEAD", "/data.bin", {"range": "bytes=0-1"})
    assert response.status == 200
    assert response.headers["content-length"] == str(len(content))


async def test_an_empty_file(site: Mock) -> None:
    assert (await site.request("GET", "/empty.bin", {"range": "bytes=0-"})).status == 416
    assert (await site.request("GET", "/empty.bin", {"range": "bytes=-5"})).status == 200


async def test_if_range(site: Mock, content: bytes) -> None:
    headers = (await site.request("GET", "/data.bin")).headers
    for validator in (headers["etag"], headers["last-modified"]):
        response = await site.request("GET", "/data.bin", {"range": "bytes=0-1", "if-range": validator})
        assert (response.status, response.body) == (206, content[:2])
    response = await site.request("GET", "/data.bin", {"range": "bytes=0-1", "if-range": '"another"'})
    assert (response.status, response.body) == (200, content)


async def test_preconditions_come_first(site: Mock) -> None:
    etag = (await site.request("GET", "/data.bin")).headers["etag"]
    for condition, status in (("if-none-match", 304), ("if-match", 206)):
        response = await site.request("GET", "/data.bin", {"range": "bytes=0-1", condition: etag})
        assert response.status == status
    assert (await site.request("GET", "/data.bin", {"range": "bytes=0-1", "if-match": '"x"'})).status == 412


async def test_several_ranges(site: Mock, content: bytes) -> None:
    response = await site.request("GET", "/data.bin", {"range": "bytes=50-59,0-9,-5"})
    assert response.status == 206
    assert "content-range" not in response.headers
    assert response.headers["content-length"] == str(len(response.body))
    size = len(content)
    assert [
        (part["content-type"], part["content-range"], body) for part, body in _parts(response.headers, response.body)
    ] == [
        ("application/octet-stream", f"bytes 50-59/{size}", content[50:60]),
        ("application/octet-stream", f"bytes 0-9/{size}", content[:10]),
        ("application/octet-stream", f"bytes {size - 5}-{size - 1}/{size}", content[-5:]),
    ]


async def test_the_one_range_that_is_left_is_no_multipart(site: Mock, content: bytes) -> None:
    response = await site.request("GET", "/data.bin", {"range": "bytes=0-9,9999999-"})
    assert (response.status, response.body) == (206, content[:10])
    assert response.headers["content-type"] == "application/octet-stream"


def _parts(headers: object, body: bytes) -> list[tuple[Message, bytes]]:
    """The parts of a multipart body, taken apart by hand: the content is binary."""
    kind = str(headers["content-type"])  # type: ignore[index]
    boundary = kind.removeprefix("multipart/byteranges; boundary=").encode()
    start, *parts, end = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert (start, end) == (b"", b"--\r\n")
    split = [part.removeprefix(b"\r\n").partition(b"\r\n\r\n") for part in parts]
    return [(email.message_from_bytes(head), content) for head, _, content in split]
