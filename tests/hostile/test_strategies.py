"""The generators by themselves, drawn by hypothesis: what fails is made small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from reserve_file.ranges import MAX_RANGES, parse_ranges
from tests.hostile.strategies import broken_requests, chunked_bodies, range_headers, requests

if TYPE_CHECKING:
    from reserve_core.http import Request, Response
    from tests.kit.clock import Clock
    from tests.plugins.url.conftest import Serve, Site

ONE_SITE = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def echo(serve: Serve) -> Site:
    async def handler(request: Request, response: Response) -> None:
        response.send(await request.body(), headers={"x-last": str(request.path == "/last")})

    return await serve({"custom": handler})


@given(range_headers, st.integers(0, 10))
def test_ranges_lie_within_the_file(header: str, size: int) -> None:
    found = parse_ranges(header, size)
    assert len(found or ()) <= MAX_RANGES
    assert all(0 <= start < stop <= size for start, stop in found or ())


@ONE_SITE
@given(chunked_bodies)
async def test_a_chunked_body_arrives_whole(echo: Site, drawn: tuple[bytes, bytes]) -> None:
    body, framed = drawn
    peer = await echo.connect()
    answer = await peer.ask(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + framed)
    assert (answer.status, answer.body) == (200, body)
    assert (await peer.ask(LAST)).headers["x-last"] == "True"


@ONE_SITE
@given(requests)
async def test_a_request_ends_where_its_framing_says(echo: Site, request: bytes) -> None:
    peer = await echo.connect()
    await peer.send(request + LAST)
    answer = await peer.message(bodiless=request.startswith(b"HEAD "))
    while answer.status == 100:
        answer = await peer.message(bodiless=request.startswith(b"HEAD "))
    if answer.headers.get("connection") == "close":
        # Refused, a target or an expectation that can't be met; or asked for, as the parser reads Proxy-Connection.
        assert 400 <= answer.status < 500 or b"close, x" in request
    else:
        assert (await peer.message()).headers["x-last"] == "True"


@ONE_SITE
@given(broken_requests)
async def test_what_is_broken_is_the_client_s_fault(echo: Site, clock: Clock, request: bytes) -> None:
    peer = await echo.connect()
    await peer.send(request + LAST)
    try:
        received = await clock.hurry(peer.rest())
    except ConnectionError:
        received = b""
    assert b"HTTP/1.1 500" not in received
    assert echo.named("error") == []
