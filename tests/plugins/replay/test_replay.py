"""The handler `replay`: which recorded exchange responds, and how."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reserve_core import ConfigError, Mock, Request, Server, check
from reserve_replay import RecordedExchange, RecordedMessage, exchange_files
from tests.kit.exchanges import wire_exchanges
from tests.kit.upstream import Peer
from tests.kit.waiting import PATIENCE

Mocked = Callable[..., Awaitable[Mock]]
Served = Callable[..., Awaitable[Server]]

REPLAY = {"replay": "./api"}


def exchange(
    first: str, body: bytes = b"", *, asked: bytes = b"", status: str = "200 OK", fields: Any = (), sent: Any = ()
) -> RecordedExchange:
    return RecordedExchange(
        RecordedMessage(f"{first} HTTP/1.1", ("Host: api.example.com", *fields), asked),
        RecordedMessage(f"HTTP/1.1 {status}", tuple(sent), body),
    )


def record(folder: Path, *exchanges: RecordedExchange) -> None:
    folder.mkdir(exist_ok=True)
    for number, each in enumerate(exchanges, 1):
        for name, text in exchange_files(each, number).items():
            (folder / name).write_bytes(text)


@pytest.fixture
def api(tmp_path: Path) -> Path:
    return tmp_path / "api"


async def asked(site: Mock, *targets: str, **options: Any) -> list[str]:
    """The responses to requests, as "200 body"; a target may begin with a method."""
    responses = []
    for target in targets:
        method, _, url = target.rpartition(" ")
        response = await site.request(method or "GET", url, **options)
        responses.append(f"{response.status} {response.text}".rstrip())
    return responses


async def test_the_method_the_path_and_the_query_decide(api: Path, mocked: Mocked) -> None:
    record(
        api, exchange("GET /a?x=1&y=2", b"get"), exchange("POST /a?x=1&y=2", b"post"), exchange("GET /a%20b", b"space")
    )
    site = await mocked(REPLAY)
    assert await asked(site, "/a?x=1&y=2", "POST /a?x=1&y=2", "/a%20b") == ["200 get", "200 post", "200 space"]
    assert await asked(site, "/a?y=2&x=1", "/b/../a%20b") == ["200 get", "200 space"]
    missing = ["/a", "/a?x=1", "/a?x=2&y=1", "/a?x=1&y=2&y=2", "PUT /a?x=1&y=2", "/A?x=1&y=2"]
    assert await asked(site, *missing) == ["404 Not found"] * 6


async def test_what_is_not_recorded_is_for_the_next_mapping(api: Path, mocked: Mocked) -> None:
    record(api, exchange("GET /a", b"recorded"))
    site = await mocked(REPLAY, {"custom": ["next"]})
    assert await asked(site, "/a", "/b") == ["200 recorded", "200 next"]


async def test_the_same_request_gets_its_responses_in_their_order(api: Path, mocked: Mocked) -> None:
    record(api, *(exchange("GET /job", text) for text in (b"queued", b"running", b"done")), exchange("GET /x", b"x"))
    site = await mocked(REPLAY)
    assert await asked(site, "/job", "/x", "/job", "HEAD /job", "/job", "/job") == [
        *("200 queued", "200 x", "200 running", "200", "200 done", "200 done")
    ]
    assert await asked(await mocked(REPLAY), "/job") == ["200 queued"]  # each server begins anew


@pytest.mark.parametrize(
    ("by", "same", "other"),
    [
        (["path"], "PUT /a?z=9", "/b"),
        (["path", "query.x"], "/a?z=1&x=1", "/a?x=2"),
        (["method", "path"], "/a", "POST /a"),
    ],
)
async def test_what_decides_may_be_said(by: list[str], same: str, other: str, api: Path, mocked: Mocked) -> None:
    record(api, exchange("GET /a?x=1&y=2", b"it"))
    assert await asked(await mocked({**REPLAY, "by": by}), same, other) == ["200 it", "404 Not found"]


async def test_a_header_may_decide(api: Path, mocked: Mocked) -> None:
    record(api, *(exchange("GET /", name.encode(), fields=[f"X-Tenant: {name}"]) for name in ("one", "two")))
    site = await mocked({**REPLAY, "by": ["path", "header.x-tenant"]})
    assert await asked(site, "/", headers={"x-tenant": "two"}) == ["200 two"]
    assert await asked(site, "/", headers={"x-tenant": "three"}) == await asked(site, "/") == ["404 Not found"]


async def test_the_body_may_decide(api: Path, mocked: Mocked) -> None:
    """Of JSON its value, however it is written."""
    record(
        api,
        exchange("POST /", b"json", asked=b'{"a": 1, "b": [2]}', fields=["Content-Type: application/json"]),
        exchange("POST /", b"bytes", asked=b"{a: 1}", fields=["Content-Type: application/x+json"]),
        exchange("POST /", b"coded", asked=b"no gzip", fields=["Content-Encoding: gzip"]),
    )
    site = await mocked({**REPLAY, "by": ["method", "path", "body"], "secrets": ["nothing"]})
    kind = {"content-type": "application/json; charset=utf-8"}
    assert await asked(site, "POST /", body=b'{"b":[2],"a":1}', headers=kind) == ["200 json"]
    assert await asked(site, "POST /", body=b"{a: 1}", headers=kind) == ["200 bytes"]
    assert await asked(site, "POST /", body=b"no gzip", headers={"content-encoding": "gzip"}) == ["200 coded"]
    assert await asked(site, "POST /", body=b'{"b":[2],"a":1}') == ["404 Not found"]


async def test_parts_and_what_has_not_changed_are_for_who_asks_so(api: Path, mocked: Mocked) -> None:
    record(
        api,
        exchange("GET /", b"345", status="206 Partial Content", fields=["Range: bytes=3-5"]),
        exchange("GET /", b"678", status="206 Partial Content", fields=["Range: bytes=6-8"]),
        exchange("GET /", b"", status="304 Not Modified", fields=['If-None-Match: "1"']),
        exchange("GET /", b"012345678"),
        exchange("GET /only", b"", status="304 Not Modified"),
    )
    site = await mocked(REPLAY)
    assert await asked(site, "/", headers={"range": "bytes=6-8"}) == ["206 678"]
    assert await asked(site, "/", headers={"range": "bytes=3-5"}) == ["206 345"]
    assert await asked(site, "/", headers={"range": "bytes=0-1"}) == await asked(site, "/") == ["200 012345678"]
    assert await asked(site, "/", "/only", headers={"if-modified-since": "x"}) == ["304", "304"]
    assert await asked(site, "/only") == ["404 Not found"]


async def test_a_recorded_head_responds_to_head_only(api: Path, mocked: Mocked) -> None:
    record(api, exchange("HEAD /a", sent=["Content-Length: 5"]), exchange("GET /b", b"body", sent=["X-A: 1"]))
    site = await mocked(REPLAY)
    head = await site.request("HEAD", "/a")
    assert (head.status, head.headers["content-length"], head.body) == (200, "5", b"")
    assert await asked(site, "GET /a", "HEAD /b", "HEAD /c") == ["404 Not found", "200", "404"]
    assert (await site.request("HEAD", "/b")).headers["content-length"] == "4"


@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("https://api.example.com/next?x=1#f", "/next?x=1#f"),
        ("http://API.example.com", "/"),
        ("//api.example.com?x", "/?x"),
        ("/next", "/next"),
        ("next", "next"),
        ("https://other.example.com/", "https://other.example.com/"),
        ("https://api.example.com//other.example.com", "https://api.example.com//other.example.com"),
        ("ftp://api.example.com/", "ftp://api.example.com/"),
        ("http://[", "http://["),
    ],
)
async def test_a_location_of_the_recorded_server_leads_here(
    api: Path, mocked: Mocked, location: str, sent: str
) -> None:
    record(api, exchange("GET /", status="302 Found", sent=[f"Location: {location}"]))
    response = await (await mocked(REPLAY)).request("GET", "/")
    assert (response.status, response.headers["location"]) == (302, sent)


async def test_a_proxy_request_is_one_for_its_path(api: Path, mocked: Mocked) -> None:
    record(api, exchange("GET http://api.example.com/a?x=1", b"a"), exchange("OPTIONS http://api.example.com", b"all"))
    (api / "0003-x.request.http").write_bytes(b"GET /%zz HTTP/1.1\n\n")  # which no server takes, and does no harm
    (api / "0003-x.response.http").write_bytes(b"HTTP/1.1 400\n\n")
    assert await asked(await mocked(REPLAY), "/a?x=1", "OPTIONS /") == ["200 a", "200 all"]


async def test_headers_about_the_connection_stay_behind(api: Path, mocked: Mocked) -> None:
    sent = ["Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Content-Length: 99", "ETag: x", "X-A:"]
    record(api, exchange("GET /", b"body", sent=sent))
    response = await (await mocked(REPLAY)).request("GET", "/")
    assert list(response.headers.items()) == [("Content-Length", "4"), ("ETag", "x"), ("X-A", "")]


async def test_what_goes_out_is_what_was_recorded(api: Path, served: Served) -> None:
    """To the byte: chunks and trailers, too."""
    exchanges = wire_exchanges(40, seed=2)
    record(api, *(each.recorded for each in exchanges))
    server = await served(REPLAY)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    peer = Peer(reader, writer)
    try:
        for each in exchanges:
            await peer.send(each.request)
            assert await peer.exactly(len(each.response)) == each.response
    finally:
        peer.close()
        await writer.wait_closed()


async def test_an_edit_is_there_for_the_next_request(
    api: Path, mocked: Mocked, caplog: pytest.LogCaptureFixture
) -> None:
    record(api, exchange("GET /a", b"one"), exchange("GET /a", b"two"), exchange("GET /c", b"c"))
    site = await mocked(REPLAY)
    assert await asked(site, "/a") == ["200 one"]
    (response,) = api.glob("0002-*.response.http")
    response.write_bytes(response.read_bytes() + b" edited")
    assert await asked(site, "/a") == ["200 two edited"]  # the sequence goes on
    (request,) = api.glob("0003-*.request.http")
    request.write_bytes(request.read_bytes().replace(b"/c", b"/d"))
    async with asyncio.timeout(PATIENCE):
        while await asked(site, "/d") != ["200 c"]:  # all files are looked at now and then only
            await asyncio.sleep(0)
    assert await asked(site, "/c") == ["404 Not found"]
    response.write_text("half a file")
    assert await asked(site, "/a", "/a") == ["200 two edited"] * 2
    assert caplog.messages == [
        "api/0002-GET-a.response.http:1: 'half a file' is no status line\n    Write HTTP/1.1 200 OK\n"
        "The former exchanges stay in use"
    ]
    for file in api.iterdir():
        file.unlink()
    assert await asked(site, "/a") == ["404 Not found"]


async def test_a_har_that_changes_is_read_again(tmp_path: Path, mocked: Mocked) -> None:
    text = (
        '{"log": {"entries": [{"request": {"method": "GET", "url": "http://a/", "headers": []},'
        ' "response": {"status": 200, "headers": [], "content": {"text": "TEXT"}}}]}}'
    )
    (tmp_path / "api.har").write_text(text)
    site = await mocked({"replay": "api.har"})
    assert await asked(site, "/") == ["200 TEXT"]
    (tmp_path / "new").write_text(text.replace("TEXT", "NEWS"))
    (tmp_path / "new").replace(tmp_path / "api.har")
    assert await asked(site, "/") == ["200 NEWS"]


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"replay": "./none"}, "There is neither a file nor a folder"),
        ({"replay": "./reserve.json", "missing": "record"}, "writes a folder of pairs, and reserve.json is none"),
        ({"replay": "./new.HAR", "missing": "record"}, "writes a folder of pairs, and new.HAR is none"),
        ({"replay": "./reserve.json"}, "reserve.json is no HAR"),
        ({"replay": "./api", "missing": "record", "secrets": ["("]}, "'(' is no regular expression"),
        ({"replay": "./api", "missing": "record", "by": ["json.a"]}, "json.a"),
        ({"replay": "./api", "missing": "record", "by": []}, "by"),
    ],
)
async def test_mistakes(tmp_path: Path, mapping: dict[str, Any], told: str) -> None:
    (tmp_path / "reserve.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        await check({"cwd": str(tmp_path), "mappings": [mapping]})
    assert told in str(caught.value)


async def test_warnings(tmp_path: Path, api: Path) -> None:
    (tmp_path / "a.har").write_text(
        '{"log": {"entries": [{"request": {"method": "GET", "url": "data:,", "headers": []},'
        ' "response": {"status": 200, "headers": []}}]}}'
    )
    api.mkdir()
    mappings = [{"replay": "./a.har"}, REPLAY, {**REPLAY, "missing": "record"}]
    configuration = await check({"cwd": str(tmp_path), "mappings": mappings}, workers=2)
    told = [str(warning) for warning in configuration.warnings]
    assert [text for text in told if "some entries can't be replayed: 1 (data: is no address of HTTP)" in text]
    assert [text for text in told if "No exchange is recorded in ./api" in text]
    assert len([text for text in told if "Each of 2 workers counts its own requests" in text]) == 3


async def test_explain_says_which_exchange_responds(api: Path, mocked: Mocked) -> None:
    record(api, exchange("GET /a", b"1"), exchange("GET /a", b"2"), exchange("POST /b", b"b", status="201 Created"))
    for by, url, text in (
        (["path"], "/a", "as in api/0001-GET-a, the first of 2"),
        (["path"], "/b", "as in api/0003-POST-b"),
        (["path"], "/c", "isn't recorded"),
        (["body"], "/a", "the body decides which exchange responds"),
    ):
        configuration = await check({"cwd": str(api.parent), "mappings": [{**REPLAY, "by": by}]})
        mapping = configuration.mappings[0]
        request = Request("POST", url, body=NotHere())
        explain: Any = mapping.handler.explain
        assert explain(request, mapping, mapping.pattern.search(url), "./api").text == text


class NotHere:
    """A body that hasn't come."""

    length = 1

    async def read(self) -> bytes:
        return b""
