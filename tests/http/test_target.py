"""Request targets: what may come in, and its canonical form."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import pytest
from hypothesis import given, strategies as st

from reserve_core.errors import HTTPError
from reserve_core.http.target import RawMatch, canonical_url, is_host, origin_form, raw_url

CANONICAL = [
    # What needs no change stays.
    ("/", "/"),
    ("/a/b.html", "/a/b.html"),
    ("/a/?x=1&y=/../z", "/a/?x=1&y=/../z"),
    ("//host/x", "//host/x"),
    ("/a//b", "/a//b"),
    ("/.well-known/x", "/.well-known/x"),
    ("/...", "/..."),
    ("/a..b/..c", "/a..b/..c"),
    ("/a?", "/a?"),
    ("/a?b?c", "/a?b?c"),
    # Dot segments, RFC 3986 5.2.4, plain and encoded.
    ("/a/./b", "/a/b"),
    ("/a/../b", "/b"),
    ("/../../b", "/b"),
    ("/a/b/..", "/a/"),
    ("/a/b/.", "/a/b/"),
    ("/.", "/"),
    ("/..", "/"),
    ("/a/b/c/./../../g", "/a/g"),
    ("//..", "/"),
    ("/a/%2e%2E/b", "/b"),
    ("/a/.%2e/b", "/b"),
    ("/%2e/b", "/b"),
    ("/a/..?x", "/?x"),
    # An encoded slash is no separator: these are ordinary segments.
    ("/..%2fb", "/..%2Fb"),
    ("/a/%2e%2e%2fb", "/a/..%2Fb"),
    # Decoded as UTF-8 but for what would change the meaning.
    ("/%41%7e%20x", "/A~ x"),
    ("/caf%C3%A9", "/café"),
    ("/%F0%9F%98%80", "/\U0001f600"),
    ("/%2f%3f%23%25", "/%2F%3F%23%25"),
    ("/%2541", "/%2541"),
    ("/%25%34%31", "/%2541"),
    ("/%26%3d%2b%3b", "/&=+;"),
    ("/%5c..", "/\\.."),
    ("/a?%26%3d%2b%3b%25%23%2f%3f", "/a?%26%3D%2B%3B%25%23%2F%3F"),
    ("/a?%41=%C3%A9", "/a?A=é"),
    ("/a?x=%00%0a%0D%1f%7f", "/a?x=%00%0A%0D%1F%7F"),
    # What isn't UTF-8 stays encoded: a cut sequence, a surrogate, an overlong slash.
    ("/%ff", "/%FF"),
    ("/%c3", "/%C3"),
    ("/%e2%82", "/%E2%82"),
    ("/%C3%41", "/%C3A"),
    ("/%ed%a0%80", "/%ED%A0%80"),
    ("/%c0%af", "/%C0%AF"),
    ("/%c0%ae%c0%ae/x", "/%C0%AE%C0%AE/x"),
    ("/%ff%c3%a9%ff", "/%FFé%FF"),
]

MALFORMED = [
    "",
    "*",
    "a",
    "@evil/x",
    ":1234/x",
    ".evil/",
    "\\\\evil\\x",
    "foo:bar",
    "?x",
    "#x",
    "http://localhost/",
    "localhost:80",
    "/#x",
    "/a?b#c",
    "/%",
    "/%4",
    "/%zz",
    "/%4g",
    "/%%41",
    "/%u0041",
    "/a?%",
    "/a?x=%zz",
    *(f"/%{code:02x}" for code in (0, 1, 9, 10, 13, 27, 31, 127)),
    *(f"/a{chr(code)}" for code in (0, 9, 10, 13, 27, 127)),
    *(f"/a?{chr(code)}" for code in (0, 9, 10, 13, 27, 127)),
    "/a\n",
    "/a?b\n",
]


@pytest.mark.parametrize(("target", "expected"), CANONICAL)
def test_canonical_form(target: str, expected: str) -> None:
    assert canonical_url(target) == expected


@pytest.mark.parametrize("target", MALFORMED)
def test_malformed_targets_are_refused(target: str) -> None:
    with pytest.raises(HTTPError) as caught:
        canonical_url(target)
    assert caught.value.status == 400
    assert caught.value.reason


# Targets rich in what matters: escapes of every byte, dots, separators, delimiters.
escapes = st.integers(0, 255).map(lambda byte: f"%{byte:02x}")
pieces = st.one_of(
    escapes,
    st.sampled_from(
        ["/", ".", "..", "/..", "/.", "%2e", "%2E", "%2f", "%5c", "%25", "?", "&", "=", "+", ";", "\\", "%"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=3),
)
targets = st.lists(pieces, max_size=12).map(lambda parts: "/" + "".join(parts))


@given(targets)
def test_canonical_url_is_safe_and_idempotent(target: str) -> None:
    try:
        url = canonical_url(target)
    except HTTPError:
        return
    assert canonical_url(url) == url
    assert url.startswith("/")
    assert "#" not in url
    path, _, query = url.partition("?")
    assert not {".", ".."} & set(path.split("/"))
    assert not re.search(r"[\x00-\x1f\x7f]", url)
    for part, kept in ((path, b"/?#%"), (query, b"/?#%&=+;")):
        for escape in re.findall("%(..)", part):
            byte = bytes.fromhex(escape)
            assert byte in [bytes([code]) for code in kept] or byte[0] >= 0x80 or byte[0] < 0x20 or byte == b"\x7f"
            assert escape == escape.upper()
    assert part_bytes(url) == part_bytes(normalized(target))


def part_bytes(url: str) -> tuple[bytes, bytes]:
    """What path and query are once everything is decoded."""
    path, _, query = url.partition("?")
    return unquote_to_bytes(path), unquote_to_bytes(query)


def normalized(target: str) -> str:
    """`target` without dot segments, by RFC 3986 5.2.4 word for word, nothing decoded but the dots."""
    path, question, query = target.partition("?")
    source = re.sub("%2e", ".", path, flags=re.IGNORECASE)
    output = ""
    while source:
        if source.startswith("/./") or source == "/.":
            source = "/" + source[3:]
        elif source.startswith("/../") or source == "/..":
            source = "/" + source[4:]
            output = output.rpartition("/")[0]
        else:
            end = source.find("/", 1)
            end = len(source) if end < 0 else end
            output, source = output + source[:end], source[end:]
    return output + question + query


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4))
def test_query_parameters_survive(pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    canonical = canonical_url("/?" + query).partition("?")[2]
    assert parse_qsl(canonical, keep_blank_values=True) == pairs


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/.")))
def test_a_quoted_segment_comes_back_decoded(segment: str) -> None:
    canonical = canonical_url("/" + quote(segment, safe=""))
    assert canonical == "/" + re.sub("[?#%]", lambda found: quote(found[0]), segment)


@pytest.mark.parametrize(
    ("source", "raw"),
    [
        ("/a/b?c", "/a/b?c"),
        ("/a%2Bb/%c3%a9/%61?u=https%3A%2F%2Fx&q[]=1", "/a%2Bb/%c3%a9/%61?u=https%3A%2F%2Fx&q[]=1"),
        ("/a/%2E%2e/b%2Bc?d=/../e", "/b%2Bc?d=/../e"),
        ("/%2e/a%2f..%2Fb/.", "/a%2f..%2Fb/"),
        ("//a//%2B", "//a//%2B"),
        ("http://h:80/a%2Bb", "/a%2Bb"),
        ("HTTP://h?a=%2B", "/?a=%2B"),
        # Characters that no target can hold come from handlers; a backslash would be a slash to some.
        ("/é b/a%2Bb?c d", "/%C3%A9%20b/a%2Bb?c%20d"),
        ("/a\\b?\\", "/a%5Cb?%5C"),
    ],
)
def test_what_was_sent(source: str, raw: str) -> None:
    url = canonical_url(origin_form(source, "h", "http"))
    assert raw_url(url, source) == raw


@pytest.mark.parametrize(
    ("url", "raw"), [('/a+é"', "/a+%C3%A9%22"), ("/a%2Fb?c=%26", "/a%2Fb?c=%26"), ("x y", "x%20y")]
)
def test_a_url_made_from_something_else_is_encoded(url: str, raw: str) -> None:
    assert raw_url(url, "/a%2Bb") == raw


@given(targets, st.integers(0, 40), st.integers(0, 40))
def test_every_part_of_a_canonical_url_knows_what_was_sent(target: str, one: int, other: int) -> None:
    """Cut in three anywhere, its raw parts make up the raw URL, and each of them decodes to its canonical part."""
    try:
        url = canonical_url(target)
    except HTTPError:
        return
    raw = raw_url(url, target)
    assert canonical_url(raw) == url
    assert re.fullmatch("[!-~]*", raw)
    start, end = sorted((min(one, len(url)), min(other, len(url))))
    match = re.fullmatch(f"(?s)(.{{{start}}})(.{{{end - start}}})(.*)(x)?", url)
    assert match is not None
    parts = RawMatch(match, raw)
    assert "".join(parts[group] or "" for group in (1, 2, 3)) == raw
    assert [_loosely(parts[group]) for group in (1, 2, 3)] == [_loosely(match[group]) for group in (1, 2, 3)]
    assert (parts[4], parts.span(4), parts[0]) == (None, (-1, -1), raw)


def _loosely(part: str | None) -> bytes:
    """Decoded but for escapes that a cut has halved."""
    return re.sub(rb"%[0-9a-fA-F]?|^[0-9a-fA-F]{1,2}", b"%", unquote_to_bytes(part or ""))


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        ("/x?y", "anything", "/x?y"),
        ("//evil/x", "localhost", "//evil/x"),
        ("http://localhost/x?y", "localhost", "/x?y"),
        ("HTTP://LOCALHOST/x", "localhost", "/x"),
        ("http://localhost/x", "LocalHost", "/x"),
        ("http://localhost", "localhost", "/"),
        ("http://localhost?x", "localhost", "/?x"),
        ("http://localhost:80/x", "localhost", "/x"),
        ("http://localhost/x", "localhost:80", "/x"),
        ("http://localhost:/x", "localhost", "/x"),
        ("http://localhost:5000/x", "localhost:5000", "/x"),
        ("http://[::1]:5000/x", "[::1]:5000", "/x"),
        ("http://localhost/http://evil/", "localhost", "/http://evil/"),
    ],
)
def test_origin_form(target: str, host: str, expected: str) -> None:
    assert origin_form(target, host, "http") == expected


def test_origin_form_of_https() -> None:
    assert origin_form("https://localhost:443/x", "localhost", "https") == "/x"


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("http://evil/x", "localhost"),
        ("http://localhost:81/x", "localhost"),
        ("http://localhost/x", "localhost:81"),
        ("http://localhost.evil/x", "localhost"),
        ("https://localhost/x", "localhost"),
        ("http://user@localhost/x", "localhost"),
        ("http://localhost@evil/x", "localhost"),
        ("http://evil\\@localhost/x", "localhost"),
        ("http://local host/x", "localhost"),
        ("ftp://localhost/x", "localhost"),
        ("http:/localhost/x", "localhost"),
        ("http:localhost/x", "localhost"),
        # An empty host is invalid in an http URI, RFC 9110 4.2.1.
        ("http:///x", ""),
        ("http://:80/x", ":80"),
        ("*", "localhost"),
        ("localhost:80", "localhost:80"),
        ("@evil/x", "localhost"),
        ("", "localhost"),
    ],
)
def test_other_forms_and_other_servers_are_refused(target: str, host: str) -> None:
    with pytest.raises(HTTPError) as caught:
        origin_form(target, host, "http")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"localhost",
        b"localhost:",
        b"localhost:65535",
        b"a_b.example",
        b"127.0.0.1:80",
        b"[::1]",
        b"[::1]:80",
        b"a%41",
    ],
)
def test_valid_hosts(value: bytes) -> None:
    assert is_host(value)


@pytest.mark.parametrize(
    "value",
    [
        b"a b",
        b"a/b",
        b"a?b",
        b"a#b",
        b"a\\b",
        b"user@a",
        b"a:b",
        b"a:1:2",
        b"a:65536",
        b"a:99999",
        b"a:-1",
        b"[::1",
        b"::1",
        b"[::1]x",
        b"[x]",
        b"a\x00",
        b"a\n",
        b"a\xe9",
        b"a%zz",
        b"<a>",
        b'"a"',
    ],
)
def test_invalid_hosts(value: bytes) -> None:
    assert not is_host(value)
