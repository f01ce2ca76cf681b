"""Searching a mirror: what is found, and that no piece of it is more than a piece."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from reserve_mirror import record_search
from reserve_mirror.record_search import SearchPiece, SearchQuery, search_piece
from reserve_mirror.request_details import PIECE
from reserve_mirror.store import MirrorSettings, Record, Store

SETTINGS = MirrorSettings(max_requests=100_000, expiration_time=60, response="{}")
PLAIN: dict[str, Any] = {"method": "GET", "path": "/", "query": [], "headers": [], "remote": "127.0.0.1"}
RECORDS: list[tuple[dict[str, Any], bytes, bytes]] = [
    ({"method": "POST", "path": "/orders", "headers": [["X-Event", "order.paid"]]}, b'{"customer": "Ada"}', b""),
    ({"path": "/Orders/17", "query": [["page", "two"]]}, b"", b""),
    ({"method": "DELETE", "path": "/users", "headers": [["X-Event", "caf\xc3\xa9"]], "remote": "::1"}, b"", b""),
    ({"path": "/%", "remote": "::1", "failure": {"status": 400, "reason": ""}}, b"", b""),
    (
        {"method": "PUT", "path": "/tapped", "response": {"status": 201, "headers": [["Location", "/new"]]}},
        b"",
        "Größe".encode(),
    ),
    ({"path": "/packed", "headers": [["Content-Encoding", "gzip"]]}, gzip.compress(b"within a parcel"), b""),
    ({"path": "/binary"}, b"\xff\xfeINSIDE\x00", b""),
    ({"path": "/10\N{KELVIN SIGN}"}, b"", b""),  # in lower case it is a plain k
]


async def add(store: Store, summary: dict[str, Any], body: bytes = b"", response_body: bytes = b"") -> None:
    whole = {**PLAIN, **summary, "size": len(body)}
    if "response" in whole:
        whole["response"] = {**whole["response"], "size": len(response_body)}
    assert await store.add("orders", Record(json.dumps(whole, separators=(",", ":")), body, response_body)) is not None


def paths(piece: SearchPiece) -> list[str]:
    return [json.loads(entry.summary)["path"] for entry in piece.found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("orders", ["/orders", "/Orders/17"]),
        ("ORDER.PAID", ["/orders"]),
        ("ada", ["/orders"]),
        ("page=two", ["/Orders/17"]),
        ("location:", ["/tapped"]),
        ("http://", []),
        ("post orders", ["/orders"]),
        (" from:127.0.0.1   get ord", ["/Orders/17"]),
        ("method:get", ["/Orders/17", "/%", "/packed", "/binary", "/10\N{KELVIN SIGN}"]),
        ("path:10k", ["/10\N{KELVIN SIGN}"]),
        ("path:two", []),
        ("query:two", ["/Orders/17"]),
        ("header:x-event", ["/orders", "/users"]),
        ("header:x-event:", ["/orders", "/users"]),
        ("header:CAFÉ", ["/users"]),
        ("body:customer", ["/orders"]),
        ("body:orders", []),
        ("orders ada nowhere", []),
        ("status:400", ["/%"]),
        ("status:201", ["/tapped"]),
        ("constructor:x", []),
        ("größe", ["/tapped"]),
        ("body:GRÖSSE", []),
        ("body:GRÖßE put", ["/tapped"]),
        ("parcel", ["/packed"]),
        ("inside", ["/binary"]),
        ("path:/orders/*", []),
        ("path:/Orders/*", ["/Orders/17"]),
        ("path:~^/O put", []),
        ("path:~^/[Oo] get", ["/Orders/17"]),
        ("header.x-event:order.paid", ["/orders"]),
        ("header.x-event:", ["/orders", "/users"]),
        ("query.page:two", ["/Orders/17"]),
        ("json.customer:Ada post", ["/orders"]),
        ("json.customer:ada", []),
        ("json.$[?@=='Ada']: customer", ["/orders"]),
        ("json.customer:Ada nowhere", []),
        ("body:~^within.*l$", ["/packed"]),
        ("json.customer", []),
    ],
)
async def test_what_is_found(store: Store, query: str, expected: list[str]) -> None:
    await store.create("orders", SETTINGS)
    for record in RECORDS:
        await add(store, *record)
    forwards = await search_piece(store, "orders", SearchQuery(query), back=False)
    assert (paths(forwards), forwards.complete) == (expected, True)
    backwards = await search_piece(store, "orders", SearchQuery(query), back=True)
    assert (paths(backwards), backwards.complete) == (expected[::-1], True)


async def test_a_word_is_found_wherever_it_stands_in_a_large_body(store: Store) -> None:
    await store.create("orders", SETTINGS)
    for place in (0, PIECE - 7, PIECE - 1, PIECE, 3 * PIECE):
        await add(store, {"path": f"/{place}"}, b"-" * place + "Überall".encode() + b"-" * PIECE)
    piece = await search_piece(store, "orders", SearchQuery("ÜBERALL"), back=False)
    assert len(piece.found) == 5


@pytest.mark.parametrize("back", [True, False])
async def test_a_search_goes_on_where_it_has_stopped(store: Store, monkeypatch: pytest.MonkeyPatch, back: bool) -> None:
    """Bounded by records or by bytes, it looks at each record once."""
    await store.create("orders", SETTINGS)
    for n in range(500):
        await add(store, {"path": f"/{n}"}, b"x" * (100 if n % 7 else 1000) + (b"needle" if n % 50 == 3 else b""))
    expected = [f"/{n}" for n in range(3, 500, 50)][:: -1 if back else 1]
    monkeypatch.setattr(record_search, "_GROUP_BYTES", 2000)
    for records, size in ((90, 10**9), (10**9, 9000)):
        monkeypatch.setattr(record_search, "MAX_RECORDS", records)
        monkeypatch.setattr(record_search, "MAX_BYTES", size)
        found: list[str] = []
        pieces: list[SearchPiece] = []
        cursor = ""
        while not pieces or not pieces[-1].complete:
            pieces.append(await search_piece(store, "orders", SearchQuery("needle"), cursor, limit=3, back=back))
            cursor = pieces[-1].last
            found += paths(pieces[-1])
        assert found == expected
        assert sum(piece.looked_at for piece in pieces) == 500
        assert max(piece.looked_at for piece in pieces) < 120
        assert len(pieces) >= 500 // 120


async def test_a_search_back_ends_before_an_id(store: Store) -> None:
    await store.create("orders", SETTINGS)
    for n in range(5):
        await add(store, {"path": f"/{n}"})
    until = (await store.entries("orders", "", 2))[1].id
    piece = await search_piece(store, "orders", SearchQuery("get"), back=True, until=until)
    assert (paths(piece), piece.complete, piece.looked_at) == (["/4", "/3", "/2"], True, 3)


class Counting:
    """A store that counts the records whose bodies are read."""

    def __init__(self, store: Store) -> None:
        self.read = 0
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def get(self, code: str, request_id: str) -> Any:
        self.read += 1
        return await self._store.get(code, request_id)


async def test_bodies_are_read_only_where_they_decide(store: Store) -> None:
    await store.create("orders", SETTINGS)
    for n in range(10):
        await add(store, {"path": f"/{n}", "method": "POST" if n == 5 else "GET"}, b"hay" if n % 2 else b"")
    counting: Any = Counting(store)
    for query, expected in (
        ("method:post", 0),
        ("get", 1),
        ("path:/5 needle", 1),
        ("needle", 5),
        ("body:needle put", 5),
    ):
        counting.read = 0
        await search_piece(counting, "orders", SearchQuery(query), back=True)
        assert counting.read == expected, query
