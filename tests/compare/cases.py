"""The requests that both servers get, and the differences that are intended, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"
LATER = "Tue, 14 Nov 2023 22:13:21 GMT"


class Case(NamedTuple):
    target: str
    method: str = "GET"
    headers: dict[str, str] = {}  # noqa: RUF012 - a tuple's default, never changed
    body: bytes | None = None
    configuration: str = "reserve.json"


class Intended(NamedTuple):
    """A difference in `field` (a header's name, "status" or "body") of the cases that `case` finds; both regexes."""

    field: str
    case: str
    reason: str


def files() -> Iterator[Case]:
    types = "css csv gif html ico jpg js json md mjs mp4 pdf png svg txt unknown wasm webp woff2 xhtml xml zip"
    for kind in types.split():
        yield Case(f"/files/type.{kind}")
    for name in (
        "text.txt",
        "empty.txt",
        "no-extension",
        "UPPER.TXT",
        "upper.txt",
        "two.dots.tar.gz",
        "large.bin",
        "with%20space.txt",
        "caf%C3%A9.txt",
        "cafe%CC%81.txt",
        "a+b&c=d.txt",
        "a%2Bb%26c%3Dd.txt",
        "100%25.txt",
        "hash%23.txt",
        ".hidden",
        "inside.txt",
        "outside.json",
        "",
        "index.html",
        "sub",
        "sub/",
        "sub/index.html",
        "sub/deep/page.html",
        "sub/deep",
        "sub/missing",
        "no-index",
        "no-index/",
        "folder.txt",
        "index-folder",
        "missing.txt",
        "text.txt/",
        "text.txt/more",
        "text.txt?query=1",
        "text.txt?",
        "text.txt%3Fquery",
        "text.txt%23fragment",
        "text.txt%00",
        "text.txt%00.png",
        "text.txt%20",
        "%74ext.txt",
        "./text.txt",
        "sub/../text.txt",
        "sub/%2e%2e/text.txt",
        "sub%2Findex.html",
        "sub%2F..%2Ftext.txt",
        "..%2Freserve.json",
        "%2e%2e/reserve.json",
        "%2e%2e%2freserve.json",
        "..%5creserve.json",
        "..\\reserve.json",
        "../reserve.json",
        "/text.txt",
        "sub//index.html",
        "%ff.txt",
        "%zz.txt",
        "compressed.js",
    ):
        yield Case(f"/files/{name}")
    for target in (
        "/simple/text.txt",
        "/simple",
        "/cwd/index.html",
        "/cwd/",
        "/cwd/deep/page.html",
        "/cwd/../text.txt",
        "/cwd/..%2ftext.txt",
        "/one-file",
        "/one-file/and/more",
        "/mime/text.txt",
        "/mime/type.unknown",
        "/mime/type.css",
        "/static/text.txt",
        "/static/text.txt",
        "/static/sub/",
        "/cached/text.txt",
        "/modified/text.txt",
        "/modified/sub",
        "/before/205/text.txt",
        "/before/404/text.txt",
        "/before/200/text.txt",
        "/before/404/missing",
        "/any-method/text.txt",
    ):
        yield Case(target)
        yield Case(target, "HEAD")
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"):
        yield Case("/files/text.txt", method)
        yield Case("/any-method/text.txt", method)
    for target in ("/files/missing", "/files/empty.txt", "/files/large.bin"):
        yield Case(target, "HEAD")
    yield Case("/files/compressed.js", headers={"Accept-Encoding": "gzip"})


def conditions() -> Iterator[Case]:
    for folder in ("modified", "files", "cached"):
        for date in (DATE, EARLIER, LATER, "nonsense"):
            yield Case(f"/{folder}/text.txt", headers={"If-Modified-Since": date})
        yield Case(f"/{folder}/text.txt", "HEAD", {"If-Modified-Since": DATE})
    for target in ("/files/text.txt", "/modified/text.txt", "/files/empty.txt"):
        for value in (
            "bytes=0-0",
            "bytes=2-4",
            "bytes=5-",
            "bytes=9-9",
            "bytes=0-9",
            "bytes=10-",
            "bytes=10-12",
            "bytes=99-",
            "bytes=5-2",
            "bytes=0-99",
            "bytes=-3",
            "bytes=-0",
            "bytes=0-1,4-5",
            "bytes=",
            "bytes=a-b",
            "bytes=1",
            "items=0-1",
            "Bytes=2-4",
        ):
            yield Case(target, headers={"Range": value})
    for value in ("bytes=2-4", "bytes=99-"):
        yield Case("/files/text.txt", "HEAD", {"Range": value})
        yield Case("/before/205/text.txt", headers={"Range": value})
    for date in (DATE, EARLIER, '"etag"'):
        yield Case("/modified/text.txt", headers={"Range": "bytes=2-4", "If-Range": date})
        yield Case("/files/text.txt", headers={"Range": "bytes=2-4", "If-Range": date})
    yield Case("/modified/text.txt", headers={"Range": "bytes=2-4", "If-Modified-Since": DATE})


def statuses() -> Iterator[Case]:
    for status in (200, 201, 204, 304, 400, 403, 404, 405, 418, 500, 501, 503, 508, 599):
        for method in ("GET", "HEAD", "POST"):
            yield Case(f"/status/{status}", method)
    for target in (
        "/moved/a/b",
        "/moved/a?b=c",
        "/moved/",
        "/typed",
        "/optional/",
        "/optional/a",
        "/optional/b",
        "/optional/ab",
        "/named/one",
        "/named/one/two",
        "/named/",
    ):
        yield Case(target)


def matching() -> Iterator[Case]:
    for target in (
        "/",
        "/nothing/matches/this",
        "/books/12/pages/3",
        "/books/12/pages/3/more?x=y",
        "/books//pages/",
        "/books/12",
        "/word",
        "/word/more",
        "/word-more",
        "/words",
        "/word?x=y",
        "/dotted.html",
        "/dotted.html?x",
        "/dottedxhtml",
        "/picture.png",
        "/picture.jpeg",
        "/picture.png?x",
        "/caseless",
        "/CaseLess",
        "/unmatched?key=value",
        "/unmatched?a=b&key=c%20d&e",
        "/unmatched?key=a%26b",
        "/unmatched?key=a%2Bb+c",
        "/unmatched?key=a%3Db",
        "/unmatched?key=%25",
        "/backreference/aa",
        "/backreference/ab",
        "/a/../word",
        "/%77ord",
        "/inverted",
        "/inverted/secret",
        "/inverted/other",
    ):
        yield Case(target)
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"):
        yield Case("/methods", method)
        yield Case("/inverted/other", method)
    for target in ("/", "/files/text.txt", "/missing", "/files", "/handlers", "/files/text.txt?x"):
        yield Case(target, configuration="default.json")
        yield Case(target, "HEAD", configuration="default.json")
        yield Case(target, "POST", configuration="default.json")


def custom() -> Iterator[Case]:
    for target in (
        "/custom/hello",
        "/custom/hello?x=y",
        "/custom/json",
        "/custom/bytes",
        "/custom/streamed",
        "/custom/groups/a/b/c",
        "/custom/groups/a/b",
        "/custom/groups/a/",
        "/custom/groups//",
        "/custom/url/files/text.txt",
        "/custom/url/files/text.txt?x=y",
        "/custom/url/files/with%20space.txt",
        "/custom/url/files/..%2Freserve.json",
        "/custom/url/custom/url/status/403",
        "/custom/url/nothing/matches",
        "/custom/number/404",
        "/custom/number/204",
        "/custom/number/299",
        "/custom/number/500",
        "/custom/nothing",
        "/custom/loop",
        "/custom/list",
        "/custom/constant/text",
        "/custom/constant/json",
        "/custom/constant/headers",
        "/custom/fails",
    ):
        yield Case(target)
        yield Case(target, "HEAD")
    for target in ("/custom/seen", "/custom/seen?x=%41&y=%26", "/custom/seen/%41/./b", "/custom/seen//x"):
        yield Case(target, headers={"X-Name": "a value"})
        yield Case(target, "DELETE")
    for body in (b"", b"small", b"\0\xff" * 1000, bytes(1_000_000)):
        yield Case("/custom/echo", "POST", {"Content-Type": "application/x-bytes"}, body)
    yield Case("/custom/hello", "POST", body=b"unread")
    yield Case("/custom/echo", "POST", {"Content-Type": "text/plain", "Expect": "100-continue"}, b"expected")


CASES = [*files(), *conditions(), *statuses(), *matching(), *custom()]

FOLDERS = r"/(files|simple|modified|cached|static|mime|cwd|one-file|before|any-method)"

INTENDED = [
    # "Ours" in the reference and in the design.
    Intended(
        "transfer-encoding|content-length",
        r"^(GET|POST|PUT|DELETE|PATCH|HEAD) /(status|moved|optional|named|books|word|dotted|picture|caseless|CaseLess|"
        r"unmatched|backreference|a/|%77ord|inverted|methods|custom/n)",
        "an empty body has content-length 0; Node sends it chunked",
    ),
    Intended(".*", "%zz", "an error says in its body what is wrong; REserve's is empty"),
    Intended(".*", "%00", "a control character in the path is refused; REserve drops it from the name"),
    Intended(".*", r"text\.txt%(3F|23)", "%3F and %23 are characters of the name; REserve takes them for ? and #"),
    Intended(".*", r"hash%23\.txt", "%23 is a character of the name; REserve takes it for the begin of a fragment"),
    Intended(
        ".*", r"sub%2F|%2freserve|%2Freserve", "%2F is no separator; REserve serves what is outside of the folder"
    ),
    Intended(".*", r"%ff\.txt", "what isn't UTF-8 stays encoded and is no file here; REserve refuses it"),
    Intended("x-key", "c%20d", "the query is decoded too, but for what separates its parameters"),
    Intended(".*", r"/\.hidden", "dotfiles are not served"),
    Intended(".*", r"outside\.json", "symlinks that leave the folder are not followed"),
    Intended(".*", "/cwd/", "a mapping's relative cwd is resolved; REserve then finds nothing"),
    Intended(".*", r"bytes=(-3|-0|0-99|0-1,4-5)}", "suffix ranges, ends beyond the size, multiple ranges"),
    Intended(".*", r"Bytes=2-4}", "range units are case-insensitive (RFC 9110 14.1)"),
    Intended("content-range", r"Range: bytes=\d", "416 tells the size (RFC 9110 14.4)"),
    Intended("content-encoding|content-length|body", "Accept-Encoding: gzip", "precompressed siblings"),
    Intended("status", "If-Modified-Since", "conditional requests by date, not by its spelling, whatever the strategy"),
    Intended(
        "content-type|content-length|content-range|accept-ranges|body|cache-control",
        "If-Modified-Since",
        "a 304 has no more headers than it must (RFC 9110 15.4.5)",
    ),
    Intended(".*", r"^HEAD .*Range: bytes", "Range is defined for GET only (RFC 9110 14.2)"),
    Intended(".*", "/custom/constant/json", "REserve fails on null in an array"),
    # Decided while writing, beyond the reference.
    Intended(
        ".*",
        r"/(sub|sub/deep)$|/(files|handlers) \(default\.json\)",
        "a folder without its slash is sent to the one with it",
    ),
    Intended(".*", r" / \(default\.json\)", "without mappings, a folder that has no page is listed"),
    Intended("content-type", r"/(status|number)/(204|304)|Range: bytes=", "no content, no content-type: 204, 304, 416"),
    Intended("last-modified|cache-control", r"/modified/.*Range: bytes=(10-|10-12|99-|5-2)}", "416 is never kept"),
    Intended(".*", r"/before/205/text\.txt {Range", "a range is served only when the status is still 200"),
    Intended("content-type", r"\.(js|mjs)", "text/javascript (RFC 9239)"),
    Intended("content-type", r"type\.(md|mp4)|tar\.gz", "more types are known"),
    Intended("content-type", r"UPPER\.TXT", "extensions are case-insensitive"),
    Intended("content-type", ".*", "text and JavaScript say that they are UTF-8: browsers guess otherwise"),
    Intended("etag|last-modified|vary", FOLDERS, "validators and Vary for every file"),
    Intended("cache-control", ".*", "what a cache would keep for as long as it likes is not kept (RFC 9110 15.1)"),
]
