"""`/r/<code>`: whatever is sent there is recorded, to the byte, and gets the response of the mirror."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import re
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.waiting import wait_until

if TYPE_CHECKING:
    from tests.plugins.mirror.conftest import Serve, Site

BODIES = {
    "empty": b"",
    "text": b'{"a": 1,  "b":2}\n',
    "utf-8": "naïve ☃ \U0001f600".encode(),
    "bom": b"\xef\xbb\xbfx",
    "all": bytes(range(256)),
    "invalid": b"ok \xff\xfe \xc3(",
    "controls": b"\0\x01\x1b[31m\r\n\x7f",
    "large": bytes(range(256)) * 20_000,
}


def kept(whole: dict[str, Any]) -> bytes:
    """The body that a whole request has."""
    if whole["body_encoding"] == "base64":
        return base64.b64decode(whole["body"], validate=True)
    assert whole["body_encoding"] == "utf-8"
    return str(whole["body"]).encode()


def kept_everywhere(site: Site, request_id: str) -> bytes:
    """The body of the only request, the same to the byte by all ways that it can be had."""
    body = kept(site.whole(request_id))
    assert site.get(f"/api/mirrors/orders/requests/{request_id}/body").body == body
    (exported,) = site.get("/api/mirrors/orders/requests.json").json()["requests"]
    assert kept(exported) == body
    (entry,) = site.get("/api/mirrors/orders/requests.har").json()["log"]["entries"]
    data = entry["request"].get("postData", {"text": "", "_encoding": "utf-8"})
    assert kept({"body": data["text"], "body_encoding": data["_encoding"]}) == body
    return body


def test_a_request_is_recorded_as_it_came(site: Site) -> None:
    request_id = site.record(
        "/a/path?x=1&y=&x=2&z=%20%26%2B+",
        b"hello",
        "PUT",
        [
            ("Host", "hooks.example"),
            ("X-Case", "Kept"),
            ("x-twice", "1"),
            ("Content-Type", "text/plain"),
            ("X-Twice", "2"),
        ],
    )
    whole = site.whole(request_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", whole.pop("time"))
    assert whole == {
        "id": request_id,
        "method": "PUT",
        "path": "/a/path",
        "url": "http://hooks.example/mirror/r/orders/a/path?x=1&y=&x=2&z=%20%26%2B+",
        "query": [["x", "1"], ["y", ""], ["x", "2"], ["z", " &+ "]],
        "headers": [
            ["Host", "hooks.example"],
            ["X-Case", "Kept"],
            ["x-twice", "1"],
            ["Content-Type", "text/plain"],
            ["X-Twice", "2"],
            ["Content-Length", "5"],
        ],
        "http_version": "1.1",
        "remote": "127.0.0.1",
        "size": 5,
        "sha256": hashlib.sha256(b"hello").hexdigest(),
        "truncated": False,
        "body": "hello",
        "body_encoding": "utf-8",
        "lost": False,
        "decoded": None,
        "form": [],
        "files": [],
        "notes": [],
    }


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_bodies_are_kept_to_the_byte(site: Site, body: bytes, chunked: bool) -> None:
    pieces: Iterator[bytes] = (body[start : start + 70_000] for start in range(0, len(body), 70_000))
    response = site.ask("POST", "/r/orders", pieces if chunked else body)
    assert (response.status, response.text) == (200, "OK")
    (summary,) = site.requests()
    assert kept_everywhere(site, summary["id"]) == body
    whole = site.whole(summary["id"])
    assert (whole["size"], whole["sha256"], whole["truncated"]) == (len(body), hashlib.sha256(body).hexdigest(), False)


@pytest.mark.parametrize("size", [999, 1000, 1001, 300_000])
def test_of_a_body_over_the_limit_the_beginning_is_kept_and_the_truth_told(serve: Serve, size: int) -> None:
    site = serve(max_body_size=1000)
    body = b"0123456789" * (size // 10) + b"x" * (size % 10)
    request_id = site.record("", body)
    assert kept_everywhere(site, request_id) == body[:1000]
    whole = site.whole(request_id)
    assert whole["truncated"] is (size > 1000)
    assert whole["size"] == size
    assert whole["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_mirror_may_keep_no_bodies(serve: Serve) -> None:
    site = serve(max_body_size=0)
    whole = site.whole(site.record("", b"secret"))
    assert (whole["body"], whole["size"], whole["truncated"]) == ("", 6, True)


def test_a_compressed_body_is_kept_as_it_is_and_shown_decoded(site: Site) -> None:
    packed = gzip.compress(b"plain text")
    request_id = site.record("", packed, headers=[("Content-Encoding", "gzip")])
    assert kept_everywhere(site, request_id) == packed
    whole = site.whole(request_id)
    assert whole["decoded"] == {"body": "plain text", "body_encoding": "utf-8", "truncated": False}


def test_of_a_bomb_a_megabyte_is_decoded(site: Site) -> None:
    packed = gzip.compress(bytes(50_000_000))
    whole = site.whole(site.record("", packed, headers=[("Content-Encoding", "gzip")]))
    assert whole["decoded"] == {"body": "\0" * 1024 * 1024, "body_encoding": "utf-8", "truncated": True}


@pytest.mark.parametrize(
    ("body", "coding", "decoded"),
    [
        (b"no gzip", "gzip", None),
        (b"what", "unknown", None),
        (b"", "gzip", None),
        (b"as it is", "identity", None),
        (gzip.compress(b"x" * 1000 + b"y")[:-12], "gzip", "truncated"),
        (gzip.compress(gzip.compress(b"twice")), "gzip, gzip", "twice"),
    ],
    ids=["broken", "unknown", "empty", "identity", "cut", "twice"],
)
def test_what_cannot_be_decoded_is_shown_as_it_is(site: Site, body: bytes, coding: str, decoded: str | None) -> None:
    whole = site.whole(site.record("", body, headers=[("Content-Encoding", coding)]))
    assert kept(whole) == body
    undecodable = decoded is None and body and coding != "identity"
    note = f"The body could not be decoded as {coding}; it is shown as it came."
    assert whole["notes"] == ([note] if undecodable else [])
    if decoded is None:
        assert whole["decoded"] is None
    elif decoded == "truncated":
        assert whole["decoded"]["truncated"] is True
    else:
        assert whole["decoded"]["body"] == decoded


def multipart(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(b"--B\r\n%s\r\n\r\n%s\r\n" % (head.encode(), body) for head, body in parts) + b"--B--\r\n"


def test_multipart_files_of_one_name_are_told_apart(site: Site) -> None:
    body = multipart(
        ('Content-Disposition: form-data; name="note"', "é".encode()),
        ('Content-Disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: x/y', bytes(range(256))),
        ('Content-Disposition: form-data; name="f"; filename="a.bin"', b""),
    )
    headers = [("Content-Type", "multipart/form-data; boundary=B")]
    request_id = site.record("", body, headers=headers)
    assert kept_everywhere(site, request_id) == body
    whole = site.whole(request_id)
    assert whole["form"] == [["note", "é"]]
    assert whole["files"] == [
        {"name": "f", "filename": "a.bin", "type": "x/y", "size": 256},
        {"name": "f", "filename": "a.bin", "type": "application/octet-stream", "size": 0},
    ]
    files = [site.get(f"/api/mirrors/orders/requests/{request_id}/files/{n}") for n in range(3)]
    assert [file.status for file in files] == [200, 200, 404]
    assert [file.body for file in files[:2]] == [bytes(range(256)), b""]


def test_a_urlencoded_form_is_shown_as_one(site: Site) -> None:
    headers = [("Content-Type", "application/x-www-form-urlencoded")]
    whole = site.whole(site.record("", b"b=2&a=1&b=%20", headers=headers))
    assert whole["form"] == [["b", "2"], ["a", "1"], ["b", " "]]


def test_a_malformed_form_is_a_body_as_any_other(site: Site) -> None:
    headers = [("Content-Type", "multipart/form-data; boundary=B")]
    whole = site.whole(site.record("", b"--C\r\n", headers=headers))
    assert (whole["body"], whole["form"], whole["files"]) == ("--C\r\n", [], [])
    assert whole["notes"] == [
        "The form can't be shown: the multipart body doesn't have the boundary that its content type names, 'B'."
    ]


NOTE = 'Content-Disposition: form-data; name="note"'
FILE = 'Content-Disposition: form-data; name="f"; filename="a.bin"'
MULTIPART = "multipart/form-data; boundary=B"
URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body", "fields", "note"),
    [
        (URLENCODED, b"a=1&" * 1001, 1000, "Not all of the form is shown: the form has more than 1000 fields."),
        (MULTIPART, multipart((NOTE, b"1")) * 1001, 1, ""),
        (
            MULTIPART,
            multipart(*[(NOTE, b"1")] * 1001),
            1000,
            "Not all of the form is shown: the form has more than 1000 parts.",
        ),
        (
            MULTIPART,
            multipart((NOTE, b"1"), (FILE, b"content"))[:-9],
            1,
            "Not all of the form is shown: the multipart body ends before its last boundary, in the part 'f'.",
        ),
        (
            MULTIPART,
            multipart((NOTE, b"1")).replace(b"\r\n", b"\n"),
            0,
            "The form can't be shown: the multipart body ends its lines with LF, not with CR LF (RFC 2046 4.1.1).",
        ),
        (
            "multipart/form-data",
            multipart((NOTE, b"1")),
            0,
            "The form can't be shown: the multipart body's content type names no boundary.",
        ),
    ],
    ids=["fields", "behind the end", "parts", "cut", "bare LF", "no boundary"],
)
def test_of_a_form_with_trouble_what_is_there_is_shown(
    site: Site, content_type: str, body: bytes, fields: int, note: str
) -> None:
    whole = site.whole(site.record("", body, headers=[("Content-Type", content_type)]))
    assert (len(whole["form"]), whole["files"]) == (fields, [])
    assert whole["notes"] == ([note] if note else [])


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        (
            MULTIPART,
            multipart((NOTE, b"1"), (FILE, bytes(2000))),
            "the multipart body ends before its last boundary, in the part 'f': ",
        ),
        (URLENCODED, b"note=1&f=" + b"x" * 2000, ""),
    ],
    ids=["multipart", "urlencoded"],
)
def test_of_a_form_over_the_limit_the_fields_before_are_shown(
    serve: Serve, content_type: str, body: bytes, reason: str
) -> None:
    site = serve(max_body_size=1000)
    whole = site.whole(site.record("", body, headers=[("Content-Type", content_type)]))
    assert (whole["form"], whole["files"]) == ([["note", "1"]], [])
    assert whole["notes"] == [
        f"Not all of the form is shown: {reason}only the first 1000 of {len(body)} bytes of the body are kept."
    ]


def test_of_a_form_that_its_sender_cut_the_fields_before_are_shown(site: Site) -> None:
    head = f"POST /mirror/r/orders HTTP/1.1\r\nHost: x\r\nContent-Type: {URLENCODED}\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.server.port)) as client:
        client.sendall(head.encode() + b"a=1&b=")
    wait_until(site.requests)
    whole = site.whole(site.requests()[0]["id"])
    assert whole["form"] == [["a", "1"]]
    reason = "sender closed the connection, after 6 of 9 bytes of the body."
    assert whole["notes"] == [f"The {reason}", f"Not all of the form is shown: the {reason}"]


def test_a_compressed_form_is_decoded(site: Site) -> None:
    headers = [("Content-Encoding", "gzip"), ("Content-Type", URLENCODED)]
    whole = site.whole(site.record("", gzip.compress(b"a=1&b=2"), headers=headers))
    assert (whole["form"], whole["notes"]) == ([["a", "1"], ["b", "2"]], [])
    headers = [("Content-Encoding", "gzip"), ("Content-Type", MULTIPART)]
    request_id = site.record("", gzip.compress(multipart((NOTE, b"1"), (FILE, b"content"))), headers=headers)
    whole = site.whole(request_id)
    assert (whole["form"], len(whole["files"]), whole["notes"]) == ([["note", "1"]], 1, [])
    assert site.get(f"/api/mirrors/orders/requests/{request_id}/files/0").body == b"content"


def test_of_a_compressed_form_that_is_too_large_the_beginning_is_shown(site: Site) -> None:
    headers = [("Content-Encoding", "gzip"), ("Content-Type", URLENCODED)]
    whole = site.whole(site.record("", gzip.compress(b"a=1&b=" + b"x" * 2_000_000), headers=headers))
    assert whole["form"] == [["a", "1"]]
    assert whole["notes"] == ["Not all of the form is shown: only the first 1048576 bytes of the body are decoded."]


def test_parts_of_no_form_are_shown_as_files(site: Site) -> None:
    body = multipart(("Content-ID: <a>\r\nContent-Type: text/xml", b"<x/>"), ("X-Other: 1", b"2"))
    request_id = site.record("", body, headers=[("Content-Type", "multipart/related; boundary=B")])
    whole = site.whole(request_id)
    assert whole["files"] == [
        {"name": "a", "filename": "", "type": "text/xml", "size": 4},
        {"name": "", "filename": "", "type": "text/plain", "size": 1},
    ]
    assert (whole["form"], whole["notes"]) == ([], [])
    assert site.get(f"/api/mirrors/orders/requests/{request_id}/files/1").body == b"2"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PROPFIND", "LIST"])
def test_every_method_is_recorded(site: Site, method: str) -> None:
    response = site.ask(method, "/r/orders/x")
    assert response.status == 200
    assert response.body == (b"" if method == "HEAD" else b"OK")
    assert [request["method"] for request in site.requests()] == [method]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("", ""),
        ("/", "/"),
        ("?a=1", ""),
        ("/a%20b/%C3%A9", "/a b/é"),
        ("/%2F%25%3F%23", "/%2F%25%3F%23"),
        ("/%ff", "/%FF"),
        ("//twice//", "//twice//"),
        ("/api/mirrors/orders", "/api/mirrors/orders"),
        ("/r/other", "/r/other"),
    ],
)
def test_the_path_is_what_follows_the_code(site: Site, target: str, path: str) -> None:
    site.record(target)
    (summary,) = site.requests()
    assert summary["path"] == path
    assert summary["url"] == f"{site.url}/r/orders{target}"


def test_header_bytes_are_kept_one_by_one(site: Site) -> None:
    whole = site.whole(site.record("", headers=[("X-Bytes", "é ÿ"), ("X-Empty", "")]))
    assert ["X-Bytes", "é ÿ"] in whole["headers"]
    assert ["X-Empty", ""] in whole["headers"]


def test_old_clients_are_recorded(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port)) as client:
        client.sendall(b"GET /mirror/r/orders HTTP/1.0\r\n\r\n")
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 200 ")
    (summary,) = site.requests()
    assert summary["http_version"] == "1.0"


@pytest.mark.parametrize("path", ["/r/missing", "/r/missing/orders", "/r/ORDERS"])
def test_without_a_mirror_nothing_is_recorded(site: Site, path: str) -> None:
    response = site.ask("POST", path, b"x")
    assert response.status == 404
    assert "does not exist" in response.text


@pytest.mark.parametrize(
    "path", ["/r/", "/r//orders", "/r/.b", "/r/a%20b", f"/r/{'x' * 129}", "/r/%2e%2e%2forders", "/r/{orders}"]
)
def test_what_is_no_code_is_no_mirror(site: Site, path: str) -> None:
    assert site.ask("POST", path).status == 404


def test_markup_in_a_refusal_is_text(site: Site) -> None:
    response = site.get("/r/<script>alert(1)</script>")
    assert response.status == 404
    assert response.headers["content-type"].startswith("text/plain")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_the_oldest_go_when_there_are_too_many(serve: Serve) -> None:
    site = serve(max_requests=3)
    for n in range(5):
        assert site.ask("POST", f"/r/orders/{n}").status == 200
    assert [request["path"] for request in site.requests()] == ["/2", "/3", "/4"]


def test_the_response_is_as_the_mirror_says(serve: Serve) -> None:
    site = serve(response={"status": 418, "headers": {"X-A": ["1", "2"]}, "body": "short\nand stout"})
    response = site.ask("POST", "/r/orders")
    assert (response.status, response.text) == (418, "short\nand stout")
    assert response.headers.getall("x-a") == ["1", "2"]
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_without_content_has_none(serve: Serve, status: int) -> None:
    site = serve(response={"status": status, "body": "never seen"})
    response = site.ask("GET", "/r/orders")
    assert (response.status, response.body) == (status, b"")
    assert "content-type" not in response.headers


def test_a_response_may_be_bytes_and_late(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    body = base64.b64encode(bytes(range(256))).decode()
    site = serve(response={"body": body, "body_encoding": "base64", "headers": {"content-type": "x/y"}, "delay": 12.5})
    waited: list[float] = []
    sleep = asyncio.sleep

    async def short(seconds: float) -> None:
        if seconds == 12.5:
            waited.append(seconds)
            return
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", short)
    response = site.ask("GET", "/r/orders")
    assert waited == [12.5]
    assert response.body == bytes(range(256))
    assert response.headers["content-type"] == "x/y"
    assert len(site.requests()) == 1


def test_a_response_that_is_a_page_has_no_rights(serve: Serve) -> None:
    """It comes from the origin of the mirror's own pages, and anybody may have written it."""
    site = serve(response={"body": "<script>alert(1)</script>", "headers": {"content-type": "text/html"}})
    response = site.get("/r/orders")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_responses_are_not_stored_by_browsers(site: Site) -> None:
    assert site.get("/r/orders").headers["cache-control"] == "no-store"


def test_pages_of_any_site_may_send_and_read(site: Site) -> None:
    response = site.ask("POST", "/r/orders", b"x", [("Origin", "https://app.example")])
    assert response.status == 200
    assert response.headers["access-control-allow-origin"] == "https://app.example"
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["vary"] == "origin"


def test_a_preflight_is_answered_and_recorded(serve: Serve) -> None:
    site = serve(response={"status": 500})
    response = site.ask(
        "OPTIONS",
        "/r/orders",
        headers=[
            ("Origin", "null"),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "x-a,content-type"),
        ],
    )
    assert response.status == 204
    assert response.headers["access-control-allow-origin"] == "null"
    assert response.headers["access-control-allow-methods"] == "PUT"
    assert response.headers["access-control-allow-headers"] == "x-a,content-type"
    assert [request["method"] for request in site.requests()] == ["OPTIONS"]


def test_the_mirror_may_say_who_reads_its_responses(serve: Serve) -> None:
    site = serve(response={"headers": {"Access-Control-Allow-Origin": "https://one.example"}})
    response = site.get("/r/orders", ("Origin", "https://other.example"))
    assert response.headers.getall("access-control-allow-origin") == ["https://one.example"]
    assert "access-control-allow-credentials" not in response.headers


def test_a_page_may_read_why_it_was_refused(site: Site) -> None:
    response = site.get("/r/missing", ("Origin", "https://app.example"))
    assert response.status == 404
    assert response.headers["access-control-allow-origin"] == "https://app.example"
