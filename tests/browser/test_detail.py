"""A request in full: its headers as they came, and its body in every view that suits it."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.kit.codings import CODINGS
from tests.kit.redis_server import RedisServer

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route

    from tests.browser.conftest import Ask, LivePage, NewSite, Site, Visit
    from tests.kit.mirrors import Mirror

ALL_BYTES = bytes(range(256))
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=frontier"


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x44\x53\xd0" * width) * height
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def part(name: str, content: bytes, filename: str = "", content_type: str = "") -> bytes:
    """One part of a body of the type `MULTIPART`."""
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    head = f"--frontier\r\nContent-Disposition: {disposition}\r\n"
    return (head + (f"Content-Type: {content_type}\r\n" if content_type else "") + "\r\n").encode() + content + b"\r\n"


def view(detail: Locator, name: str) -> Locator:
    """Chooses a view of the body, and returns what it shows."""
    detail.get_by_role("tab", name=name, exact=True).click()
    return detail.get_by_role("tabpanel").last


def tabs(detail: Locator, name: str = "Views of the body") -> list[str]:
    return detail.get_by_role("tablist", name=name).get_by_role("tab").all_text_contents()


def side(detail: Locator, name: str) -> Locator:
    """Chooses a side of the request: its body, its headers..."""
    detail.get_by_role("tablist", name="Request and response").get_by_role("tab", name=name).click()
    return detail


def pairs(detail: Locator, name: str) -> list[list[str]]:
    """The rows of a table of names and values."""
    table = detail.get_by_role("table", name=name)
    return [row.locator("th, td").all_inner_texts() for row in table.locator("tr").all()]


def download(page: Page, link: Locator) -> tuple[str, bytes]:
    """Downloads, and returns the name that is suggested for the file and its content."""
    with page.expect_download() as downloading:
        link.click()
    path = downloading.value.path()
    return downloading.value.suggested_filename, Path(path).read_bytes()


def test_headers_as_received(live: LivePage) -> None:
    sent = [("X-B", "1"), ("x-a", "first"), ("X-Empty", ""), ("X-A", "caf\xc3\xa9"), ("X-Latin", "\xe9"), ("X-B", "1")]
    live.mirror.send("GET", "/headers", headers=sent)
    detail = live.open("/headers")
    shown = [("X-B", "1"), ("x-a", "first"), ("X-Empty", "empty"), ("X-A", "café"), ("X-Latin", "é"), ("X-B", "1")]
    assert pairs(detail, "Headers")[1:] == [list(pair) for pair in shown]
    assert tabs(detail, "Request and response") == ["Body", "Headers 7", "Signature", "Compare"]
    expect(side(detail, "Body")).to_contain_text("No body")


def test_the_query_in_order(live: LivePage) -> None:
    live.mirror.send("GET", "/a%2Fb/%C3%A9?b=2&a=1&b=&c=%C3%A9+%26#".rstrip("#"))
    detail = live.open("/a%2Fb/é")
    expect(detail.locator("h2")).to_have_text("GET /a%2Fb/é?b=2&a=1&b=&c=%C3%A9+%26")
    assert pairs(side(detail, "Query"), "Query") == [["b", "2"], ["a", "1"], ["b", "empty"], ["c", "é &"]]
    expect(detail.locator(".url")).to_have_text(f"{live.mirror.url}/a%2Fb/%C3%A9?b=2&a=1&b=&c=%C3%A9+%26")


def test_json_is_laid_out_but_not_changed(live: LivePage) -> None:
    text = '{"n":12345678901234567890,"n":1.10e+2,"s":"\\u00e9\\"<b>","list":[1,[],{"deep":null}],"ok":true}'
    live.mirror.send("POST", "/json", text.encode(), [("Content-Type", JSON)])
    detail = live.open("/json")
    assert tabs(detail) == ["JSON", "Raw", "Hex"]
    shown = view(detail, "JSON")
    pieces = (
        '"n": 12345678901234567890,',
        '"n": 1.10e+2,',
        '"s": "\\u00e9\\"<b>",',
        "[],",
        '"deep": null',
        '"ok": true',
    )
    for piece in pieces:
        expect(shown).to_contain_text(piece)
    shown.locator("summary", has_text='"list"').click()
    expect(shown.get_by_text('"deep"')).to_be_hidden()
    expect(shown.get_by_text("3 items")).to_be_visible()
    expect(view(detail, "Raw")).to_have_text(text)


def test_long_json_is_built_as_it_is_looked_at(live: LivePage) -> None:
    body = json.dumps({"rows": [{"id": number, "tags": ["a", "b"]} for number in range(50_000)]}).encode()
    live.mirror.send("POST", "/long", body, [("Content-Type", JSON)])
    shown = view(live.open("/long"), "JSON")
    assert shown.locator("*").count() < 10_000
    shown.get_by_role("button", name="Show more (49800 left)").click()
    expect(shown.get_by_role("button", name="Show more (49600 left)")).to_be_visible()


def test_a_request_is_shown_from_its_beginning(live: LivePage) -> None:
    live.mirror.send("POST", "/long", b"line\n" * 500)
    live.mirror.send("POST", "/other", b"line\n" * 500)
    live.open("/long")
    live.page.locator("section.detail").evaluate("pane => pane.scrollTo(0, 5000)")
    live.page.keyboard.press("k")
    expect(live.opened("/other").locator("h2")).to_be_in_viewport()


def test_json_can_be_had_with_characters_instead_of_escapes(live: LivePage) -> None:
    escaped = r'{"\u65e5\u672c": "\ud83d\ude00 \u202e \u0022 \u005c \\u65e5 \n \ud800"}'
    readable = r'"\u65e5\u672c": "\U0001f600 \u202e \u0022 \u005c \\u65e5 \n \ud800"'
    readable = readable.replace(r"\u65e5\u672c", "\u65e5\u672c", 1).replace(r"\U0001f600", "\U0001f600")
    live.mirror.send("POST", "/escaped", escaped.encode(), [("Content-Type", JSON)])
    detail = live.open("/escaped")
    choice = detail.get_by_label(r"Characters instead of \u escapes")
    expect(choice).not_to_be_checked()
    expect(detail.locator(".leaf")).to_have_text(escaped[1:-1])
    choice.check()
    expect(detail.locator(".leaf")).to_have_text(readable)
    assert json.loads(f"{{{readable}}}") == json.loads(escaped)
    assert live.copied("Copy the body") == escaped
    live.mirror.send("POST", "/next", rb'["\u00e9"]', [("Content-Type", JSON)])
    expect(live.open("/next").locator(".leaf")).to_have_text('"\u00e9"')  # the choice stays
    choice.uncheck()
    expect(detail.locator(".leaf")).to_have_text(r'"\u00e9"')
    live.mirror.send("POST", "/plain", '["\u00e9"]'.encode(), [("Content-Type", JSON)])
    expect(live.open("/plain").get_by_role("checkbox")).to_have_count(0)


def test_xml_is_indented_and_not_parsed(live: LivePage) -> None:
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "boom">]><a x="1>2"><b>t &e;</b><c/><![CDATA[<i>]]></a>'
    live.mirror.send("POST", "/xml", text.encode(), [("Content-Type", "application/soap+xml; charset=utf-8")])
    detail = live.open("/xml")
    lines = view(detail, "XML").locator(".line").all_inner_texts()
    assert [line.rstrip("\n") for line in lines][-5:] == [
        '<a x="1>2">',
        "  <b>t &e;</b>",
        "  <c/>",
        "  <![CDATA[<i>]]>",
        "</a>",
    ]
    expect(view(detail, "Raw")).to_have_text(text)


def test_a_form(live: LivePage) -> None:
    body = b"b=2&a=1+1&b=%C3%A9&empty="
    live.mirror.send("POST", "/form", body, [("Content-Type", "application/x-www-form-urlencoded")])
    detail = live.open("/form")
    assert tabs(detail) == ["Form", "Raw", "Hex"]
    assert pairs(detail, "Form fields") == [["b", "2"], ["a", "1 1"], ["b", "é"], ["empty", "empty"]]


def test_the_parts_of_an_upload(live: LivePage) -> None:
    picture = png(3, 2)
    body = (
        part("title", "Größe".encode())
        + part("files", ALL_BYTES, "same.bin", "application/octet-stream")
        + part("files", b"second", "same.bin", "text/plain")
        + part("photo", picture, "a.png", "image/png")
        + b"--frontier--\r\n"
    )
    live.mirror.send("POST", "/upload", body, [("Content-Type", MULTIPART)])
    detail = live.open("/upload")
    parts = view(detail, "Parts")
    assert pairs(parts, "Form fields") == [["title", "Größe"]]
    expect(parts.locator(".files li")).to_have_count(3)
    links = parts.get_by_role("link", name="Download same.bin")
    assert download(live.page, links.nth(0)) == ("same.bin", ALL_BYTES)
    assert download(live.page, links.nth(1)) == ("same.bin", b"second")
    parts.get_by_role("button", name="Show a.png").click()
    expect(parts.locator("figcaption")).to_have_text("3 \u00d7 2 pixels")
    assert download(live.page, detail.get_by_role("link", name="Download the body"))[1] == body


def test_a_picture_too_large_to_be_shown_is_said_to_be(live: LivePage) -> None:
    body = part("photo", png(3, 2), "a.png", "image/png") + b"--frontier--\r\n"
    live.mirror.send("POST", "/upload", body, [("Content-Type", MULTIPART)])

    def enlarge(route: Route) -> None:
        whole = route.fetch().json()
        whole["files"][0]["size"] = 10_000_001
        route.fulfill(json=whole)

    live.page.route(f"{live.mirror.api}/requests/*", enlarge)
    parts = view(live.open("/upload"), "Parts")
    expect(parts.locator("li")).to_contain_text("too large to be shown here")
    expect(parts.get_by_role("button")).to_have_count(0)


def test_binary_in_hexadecimal_and_byte_for_byte(live: LivePage) -> None:
    live.mirror.send("PUT", "/binary", ALL_BYTES * 20, [("Content-Type", "application/octet-stream")])
    detail = live.open("/binary")
    assert tabs(detail) == ["Hex"]
    lines = detail.locator(".hex .line")
    expect(lines).to_have_count(256)
    assert lines.nth(4).inner_text().rstrip("\n") == (
        "0040  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO"
    )
    detail.get_by_role("button", name="Show more (1.0 kB left)").click()
    expect(lines).to_have_count(320)
    assert "13f0  f0 f1" in lines.last.inner_text()
    assert download(live.page, detail.get_by_role("link", name="Download the body"))[1] == ALL_BYTES * 20
    expect(detail.locator("footer code")).to_have_text(hashlib.sha256(ALL_BYTES * 20).hexdigest())


def test_a_compressed_body_is_decoded_and_kept(live: LivePage) -> None:
    for coding, compress in CODINGS.items():
        body = compress(b'{"coding": "%b"}' % coding.encode())
        live.mirror.send("POST", f"/{coding}", body, [("Content-Type", JSON), ("Content-Encoding", coding)])
        detail = live.open(f"/{coding}")
        expect(view(detail, "JSON")).to_contain_text(f'"coding": "{coding}"')
        expect(view(detail, "Decoded")).to_have_text(f'{{"coding": "{coding}"}}')
        expect(view(detail, "Hex")).to_contain_text(f"0000  {body[0]:02x} {body[1]:02x}")
        assert download(live.page, detail.get_by_role("link", name="Download the body"))[1] == body


def test_what_is_not_what_its_coding_says(live: LivePage) -> None:
    live.mirror.send("POST", "/coded", b"plain", [("Content-Encoding", "gzip")])
    detail = live.open("/coded")
    expect(detail.locator(".note")).to_have_text("The body could not be decoded as gzip; it is shown as it came.")
    expect(view(detail, "Raw")).to_have_text("plain")


def test_a_picture(live: LivePage) -> None:
    live.mirror.send("POST", "/picture", png(40, 30), [("Content-Type", "image/png")])
    detail = live.open("/picture")
    expect(detail.locator("figcaption")).to_have_text("40 \u00d7 30 pixels")
    live.mirror.send("POST", "/none", b"<svg onload=alert(1)>", [("Content-Type", "image/png")])
    expect(live.open("/none").locator("figcaption")).to_contain_text("can't be shown as a picture")
    live.mirror.send("POST", "/svg", b"<svg onload='alert(1)'/>", [("Content-Type", "image/svg+xml")])
    detail = live.open("/svg")
    assert tabs(detail) == ["Image", "XML", "Raw", "Hex"]
    expect(detail.locator("figcaption")).to_contain_text("can't be shown as a picture")  # it has no namespace


def test_a_body_beyond_the_limit_says_so(site: Site, visit: Visit) -> None:
    mirror = site.mirror(base="/few")
    body = b"0123456789" * 200
    mirror.send("POST", "/large", body)
    detail = visit(mirror).open("/large")
    expect(detail.locator(".note")).to_have_text("Only the first 1.0 kB of 2.0 kB were kept.")
    expect(detail.locator("footer code")).to_have_text(hashlib.sha256(body).hexdigest())


def test_a_body_that_redis_has_dropped_is_said_to_be_lost_and_nothing_else(
    tmp_path: Path, new_site: NewSite, visit: Visit
) -> None:
    database = RedisServer(tmp_path)
    database.start()
    try:
        site = new_site("mirror", "--code", "orders", "--redis-url", database.url)
        live = visit(site.known("orders"))
        body = b'{"a": 1}'
        live.mirror.send("POST", "/lost", body, [("Content-Type", "application/json")])
        with database.client() as redis:
            redis.delete("reserve:{orders}:b")
        detail = live.open("/lost")
        expect(detail.locator(".note")).to_have_text(re.compile("^The body is lost: the memory of Redis was full"))
        expect(detail.locator("section.body")).to_have_text(
            f"Bodyapplication/json \u00b7 8 BSHA-256 {hashlib.sha256(body).hexdigest()}"
        )
        live.copied_as("cURL")
        expect(live.page.locator("#toast")).to_have_text("Copied as cURL; the body is lost")
    finally:
        database.kill()


def test_a_form_that_is_cut_says_so(live: LivePage) -> None:
    body = b'--frontier\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--frontier\r\n'
    live.mirror.send("POST", "/cut", body, [("Content-Type", MULTIPART)])
    detail = live.open("/cut")
    expect(detail.locator(".note")).to_contain_text("the multipart body ends before its last boundary")
    assert pairs(detail, "Form fields") == [["a", "1"]]


def test_a_refused_request_says_why(live: LivePage) -> None:
    assert live.mirror.send("GET", "/%").status == 400
    expect(live.rows.filter(has_text="/%").locator(".status")).to_have_text("400")
    detail = live.open("/%")
    expect(detail.locator(".note")).to_have_text("The request target has a malformed percent-encoding.")
    live.page.locator("#filter").fill("status:400")
    expect(live.rows).to_have_count(1)


def test_a_permalink(live: LivePage, visit: Visit) -> None:
    for path in ("/one", "/two", "/three"):
        live.mirror.send("GET", path)
    live.open("/two")
    link = live.copied("Copy link")
    fragment = live.mirror.requests()[1]["id"]
    assert link == f"{live.mirror.page}#{fragment}"
    other = visit(live.mirror, fragment)
    other.opened("/two")
    expect(other.rows.filter(has_text="/two")).to_have_attribute("aria-current", "true")
    other.open("/three")
    other.page.go_back()
    other.opened("/two")
    expect(visit(live.mirror, "1-0").detail.locator("h2")).to_have_text("This request isn't kept any more")


def test_a_tapped_request_shows_its_way_through_the_mappings(new_site: NewSite, ask: Ask, visit: Visit) -> None:
    site = new_site(
        mappings=[
            {"match": "^/old/(.*)", "tap": "shop"},
            {"match": "^/old/(.*)", "rewrite": "/new/$1"},
            {"match": "^(/(?!new/).*)$", "mirror": "$1"},
            *({"match": f"^/{name}/", "status": 410} for name in ("a", "b", "c")),
            {"match": "^/new/(.*)", "custom": ["here it is"]},
        ]
    )
    ask(f"{site.url}/old/page%E2%80%AE")
    detail = visit(site.known("shop")).open("/old/page")
    detail.get_by_role("tab", name="Trace").click()
    trace = detail.locator(".trace")
    expect(trace.locator(".way")).to_have_text(["GET /old/page\u202e", "GET /new/page\u202e"])
    rows = trace.locator("> ol > li")
    expect(rows).to_have_count(6)
    expect(rows.nth(1)).to_contain_text("tap shop")
    expect(rows.nth(1)).to_contain_text("passes it on")
    expect(rows.nth(2)).to_contain_text("redirects to /new/page")
    passed = rows.nth(4)
    expect(passed.locator("summary")).to_have_text("6 mappings passed over")
    expect(passed.locator(".step").first).to_be_hidden()
    passed.locator("summary").click()
    expect(passed.locator(".step")).to_have_count(6)
    expect(passed.locator(".step").nth(3).locator(".outcome")).to_have_text("the URL doesn't begin with /a/")
    responds = rows.nth(5)
    expect(responds).to_contain_text("custom")
    expect(responds.locator(".status")).to_have_text("200")
    expect(responds.locator(".spent")).to_have_text(re.compile(r"^\d+\.\d+ ms$"))
    expect(rows.nth(5).locator(".place")).to_have_text(re.compile(r"^reserve\.json:\d+$"))
    expect(trace.locator(".mark").first).to_have_attribute("data-code", "U+202E")


def test_a_tapped_request_shows_its_response(site: Site, ask: Ask, visit: Visit) -> None:
    ask(f"{site.url}/shop/orders?id=17", "POST", b"quantity=2", [("Content-Type", "application/x-www-form-urlencoded")])
    ask(f"{site.url}/shop/missing")
    live = visit(site.known("shop"))
    expect(live.rows.filter(has_text="/shop/missing").first.locator(".status")).to_have_text("404")
    detail = live.open("/shop/orders")
    assert pairs(detail, "Form fields") == [["quantity", "2"]]
    detail.get_by_role("tab", name="Response").click()
    expect(detail.get_by_role("tab", name="Response").locator(".status")).to_have_text("201")
    assert ["Content-Type", JSON] in pairs(detail, "Headers")
    expect(detail.locator(".json")).to_contain_text('"paid": true')
    content = download(live.page, detail.get_by_role("link", name="Download the body"))[1]
    assert json.loads(content) == {"order": 17, "paid": True}


def test_cookies_are_read(live: LivePage) -> None:
    live.mirror.send("GET", "/cookies", headers=[("Cookie", "session=abc; theme=dark"), ("Cookie", "empty=")])
    detail = side(live.open("/cookies"), "Cookies")
    assert pairs(detail, "Cookies") == [["session", "abc"], ["theme", "dark"], ["empty", "empty"]]


def test_the_next_request_is_shown_by_the_same_side(live: LivePage) -> None:
    live.mirror.send("POST", "/one?a=1", b"1")
    live.mirror.send("GET", "/two")
    live.mirror.send("POST", "/three?a=3", b"3")
    chosen = live.detail.get_by_role("tablist", name="Request and response").get_by_role("tab", selected=True)
    live.open("/one")
    expect(chosen).to_have_text("Body")
    live.open("/two")
    expect(chosen).to_contain_text("Headers")
    side(live.open("/one"), "Query")
    live.open("/three")
    expect(chosen).to_have_text("Query 1")


def test_the_time_is_told_with_its_zone(mirror: Mirror, visit: Visit) -> None:
    mirror.send("GET", "/when")
    live = visit(mirror, timezone_id="Asia/Kolkata")
    when = live.open("/when").locator(".facts time")
    expect(when).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+05:30$"))
    expect(when).to_have_attribute("title", re.compile(r" UTC$"))
