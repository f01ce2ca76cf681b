"""The pair format: what is written is read to the byte, what is edited by hand is read as it is meant."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from reserve_core import ConfigError
from reserve_replay import RecordedExchange, RecordedMessage, exchange_files, read_exchanges
from tests.kit.exchanges import wire_exchanges


def written(folder: Path, *exchanges: RecordedExchange) -> list[str]:
    names = []
    for number, exchange in enumerate(exchanges, 1):
        for name, text in exchange_files(exchange, number).items():
            (folder / name).write_bytes(text)
            names.append(name)
    return names


def test_two_hundred_exchanges_are_kept_to_the_byte(tmp_path: Path) -> None:
    exchanges = wire_exchanges(200)
    written(tmp_path, *(each.recorded for each in exchanges))
    read = read_exchanges(tmp_path).exchanges
    assert [each.request_bytes() for each in read] == [each.request for each in exchanges]
    assert [each.response_bytes() for each in read] == [each.response for each in exchanges]
    assert [(each.time, each.duration) for each in read] == [("2026-01-31T12:00:00.000Z", 12.5)] * 200


def test_a_zip_archive_is_read_as_its_folder(tmp_path: Path) -> None:
    exchanges = wire_exchanges(20)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, each in enumerate(exchanges, 1):
            for name, text in exchange_files(each.recorded, number).items():
                archive.writestr(f"orders/{name}", text)
    read = read_exchanges(tmp_path / "all.zip").exchanges
    assert [each.response_bytes() for each in read] == [each.response for each in exchanges]
    assert read[9].place == "all.zip/0010-HEAD-head-9-20x"


SHOP = RecordedExchange(
    RecordedMessage("POST /shop/order?n=1 HTTP/1.1", ("Host: shop.example", "Content-Length: 2"), b"{}"),
    RecordedMessage(
        "HTTP/1.1 201 Created",
        ("Content-Type: text/plain", "Transfer-Encoding: chunked"),
        b"onetwo",
        (3, 3),
        ("X-A: 1",),
    ),
    "2026-01-31T12:00:00.000Z",
    1.5,
    "a remark\non it: ✓",
)


def test_the_files_are_text_that_people_read(tmp_path: Path) -> None:
    assert exchange_files(SHOP, 7) == {
        "0007-POST-shop-order.request.http": (
            b"# time: 2026-01-31T12:00:00.000Z\n# comment: a remark on it: \xe2\x9c\x93\n"
            b"POST /shop/order?n=1 HTTP/1.1\nHost: shop.example\nContent-Length: 2\n\n{}"
        ),
        "0007-POST-shop-order.response.http": (
            b"# duration: 1.5\n# chunks: 3 3\n# trailer: X-A: 1\n"
            b"HTTP/1.1 201 Created\nContent-Type: text/plain\nTransfer-Encoding: chunked\n\nonetwo"
        ),
    }


def test_the_length_of_a_body_that_was_edited_is_its_own(tmp_path: Path) -> None:
    names = written(tmp_path, SHOP)
    for name in names:
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" and more\n")
    (exchange,) = read_exchanges(tmp_path).exchanges
    assert exchange.comment == "a remark on it: ✓"
    assert exchange.request_bytes().endswith(b"\r\nContent-Length: 12\r\n\r\n{} and more\n")
    assert exchange.response_bytes().endswith(b"\r\n\r\n10\r\nonetwo and more\n\r\n0\r\nX-A: 1\r\n\r\n")


def test_a_message_may_be_written_by_hand(tmp_path: Path) -> None:
    """With the line ends of Windows, remarks of its author, and no more than it takes."""
    (tmp_path / "hello.request.http").write_bytes(b"# Says hello.\r\n#\r\nPOST /hello HTTP/1.1\r\n\r\nAda\r\n")
    (tmp_path / "hello.response.http").write_bytes(b"HTTP/1.1 204")
    (exchange,) = read_exchanges(tmp_path).exchanges
    assert (exchange.method, exchange.target, exchange.status) == ("POST", "/hello", 204)
    assert exchange.request_bytes() == b"POST /hello HTTP/1.1\r\nContent-Length: 5\r\n\r\nAda\r\n"
    assert str(exchange) == f"POST /hello from {tmp_path.name}/hello"


def test_the_order_is_that_of_the_numbers(tmp_path: Path) -> None:
    for number in (2, 10, 1, 12345):
        for name, text in exchange_files(SHOP, number).items():
            (tmp_path / name.removeprefix("0").removeprefix("0")).write_bytes(text)
    assert [int(re.findall(r"/(\d+)-", each.place)[0]) for each in read_exchanges(tmp_path).exchanges] == [
        1,
        2,
        10,
        12345,
    ]


@pytest.mark.parametrize(
    ("end", "text", "told"),
    [
        ("request", b"GET\n\n", "0001-x.request.http:1: 'GET' is no request line\n    Write GET /path HTTP/1.1"),
        ("request", b"# time: 1\nGET /a b HTTP/1.1\n", "0001-x.request.http:2: 'GET /a b HTTP/1.1' is no request line"),
        (
            "request",
            b"GET / HTTP/1.1\nHost\n",
            "0001-x.request.http:2: 'Host' is no header line\n    Write Name: value",
        ),
        ("response", b"HTTP/2 200\n\n", "0001-x.response.http:1: 'HTTP/2 200' is no status line"),
        ("response", b"HTTP/1.1 200 OK\nA: b\x00\n\n", "0001-x.response.http:2: 'A: b\\x00' is no header line"),
        ("response", b"# trailer: x\nHTTP/1.1 200 OK\n\n", "0001-x.response.http:1: 'x' is no header line"),
        ("response", b"# chunks: 1 a\nHTTP/1.1 200 OK\n", "0001-x.response.http:1: '# chunks: 1 a' has no such value"),
        (
            "response",
            b"# chunks: 3 -1\nHTTP/1.1 200 OK\n",
            "0001-x.response.http:1: '# chunks: 3 -1' has no such value",
        ),
        ("request", b"#GET / HTTP/1.1\n", "0001-x.request.http: There is no message"),
        ("response", b"# duration: long\nHTTP/1.1 200 OK\n", "'# duration: long' has no such value"),
        ("response", b"", "0001-x.response.http: There is no message"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, end: str, text: bytes, told: str) -> None:
    files = {"request": b"GET / HTTP/1.1\n\n", "response": b"HTTP/1.1 200 OK\n\n", end: text}
    for name, content in files.items():
        (tmp_path / f"0001-x.{name}.http").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_exchanges(tmp_path)
    assert told in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path.name}/0001-x.") or "long" in told


def test_a_request_without_a_response_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.request.http").write_bytes(b"GET / HTTP/1.1\n\n")
    (tmp_path / "b.response.http").write_bytes(b"")  # one that was left
    with pytest.raises(ConfigError, match=r"/a\.response\.http is missing"):
        read_exchanges(tmp_path)
