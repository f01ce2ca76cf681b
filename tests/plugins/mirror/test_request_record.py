"""The record of a request: encoded once, when somebody asks, and never larger than it was counted."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from reserve_core import Request
from reserve_mirror.access import Access
from reserve_mirror.options import Options
from reserve_mirror.request_record import EMPTY, RequestRecord, body_of, iso

ACCESS = Access(Options(mirror=""), "localhost")
HOST = (b"Host", b"a")


def record_of(*fields: tuple[bytes, bytes], target: str = "/", body: bytes = b"", **more: Any) -> RequestRecord:
    request = Request("POST", f"/m/r/orders{target}", raw_headers=[HOST, *fields])
    return RequestRecord(request, ACCESS, 1_700_000_000_123, target, body_of(body, 1000), **more)


def test_a_record_is_encoded_once_and_not_before_somebody_asks() -> None:
    made = record_of((b"X-A", b"1"))
    assert made._summary is None
    first = made.summary
    assert made.summary is first


def test_a_record_says_what_came() -> None:
    assert json.loads(record_of((b"X-A", b'"\xe9\\ \t'), target='/a"b?q=1&q=%20', body=b"hi").summary) == {
        "time": "2023-11-14T22:13:20.123Z",
        "method": "POST",
        "path": '/a"b',
        "url": 'http://a/m/r/orders/a"b?q=1&q=%20',
        "query": [["q", "1"], ["q", " "]],
        "headers": [["Host", "a"], ["X-A", '"é\\']],
        "http_version": "1.1",
        "remote": "",
        "size": 2,
        "sha256": hashlib.sha256(b"hi").hexdigest(),
        "truncated": False,
    }


@pytest.mark.parametrize("size", [0, 1, 1000, 1001, 100_000])
def test_of_a_body_the_hash_is_that_of_all_of_it(size: int) -> None:
    for limit in (0, 1000, 1_000_000):
        request = Request("POST", "/", raw_headers=[HOST])
        made = RequestRecord(request, ACCESS, 0, "/", body_of(b"x" * size, limit))
        summary = json.loads(made.summary)
        assert (summary["size"], summary["sha256"]) == (size, hashlib.sha256(b"x" * size).hexdigest())
        assert (len(made.body), summary["truncated"]) == (min(size, limit), size > limit)


# What becomes longer in JSON.
NASTY = [b"", b"plain", b"\xe9" * 1000, b'"' * 1000, b"\\" * 1000, bytes(range(0x80, 0x100)) * 20]


@pytest.mark.parametrize("value", NASTY)
def test_what_it_counts_for_is_enough_for_what_it_becomes(value: bytes) -> None:
    recorded = {"headers": [["a", value.decode("latin-1")]]}
    made = record_of(*[(b"A", value)] * 5, target=f"/é€😀{'ü' * 100}?{'&'.join('ab')}", body=b"abc", response=recorded)
    counted = made.size
    assert counted >= len(made.summary) + 3
    assert made.size == counted


def test_what_is_no_body_is_known() -> None:
    assert body_of(b"", 10) is EMPTY


@pytest.mark.parametrize("milliseconds", [0, 999, 1_000, 1_700_000_000_001, 253_402_300_799_999])
def test_times_are_told_to_the_millisecond(milliseconds: int) -> None:
    said = iso(milliseconds)
    assert len(said) == len("2026-01-31T12:00:00.000Z")
    assert round((datetime.fromisoformat(said) - datetime.fromtimestamp(0, UTC)).total_seconds() * 1000) == milliseconds
