"""URLs of requests from a mapping's value and what it captured: one row for each way a capture could escape."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from reserve_core import HTTPError
from reserve_core.http.target import RawMatch, canonical_url, raw_url
from reserve_url.upstream_url import Origin, URLTemplate, parse_origin, parse_url


def resolve(pattern: str, value: str, target: str) -> str:
    """The URL for a client that sends `target`."""
    url = canonical_url(target)
    match = re.search(pattern, url)
    assert match is not None
    origin, path = URLTemplate.parse(value).resolve(match, RawMatch(match, raw_url(url, target)))
    return f"{origin}{path}"


def put_in(value: str, match: re.Match[str]) -> tuple[Origin, str]:
    """The same for a match of what may not even be canonical: a handler may redirect to anything."""
    return URLTemplate.parse(value).resolve(match, RawMatch(match, raw_url(match.string, match.string)))


@pytest.mark.parametrize(
    ("pattern", "value", "target", "url"),
    [
        ("^/api/(.*)", "http://h:3000/$1", "/api/a/b", "http://h:3000/a/b"),
        ("^/api/(.*)", "http://h:3000/$1", "/api/", "http://h:3000/"),
        ("^/api/(.*)", "http://h/v1/$1/x", "/api/a", "http://h/v1/a/x"),
        ("^/(?P<name>.*)", "https://h/$name", "/a", "https://h/a"),
        ("^/(a)(b)?(.*)", "http://h/$2$3", "/a/c", "http://h//c"),
        ("^/(.*)", "http://h/$9/$1/$nothing", "/a", "http://h//a/"),
        ("^/(.*)", "http://h/$$1", "/a", "http://h/$1"),
        ("^/", "http://h", "/a", "http://h/"),
        ("^/", "http://h?x=1", "/a", "http://h/?x=1"),
        ("^/", "HTTP://H:80/X y", "/a", "http://h/X%20y"),
        ("^/", "https://h:443", "/a", "https://h/"),
        ("^/(.*)", "http://[::1]:3000/$1", "/a", "http://[::1]:3000/a"),
        ("^/(.*)", "http://[0:0::1]/$1", "/a", "http://[::1]/a"),
        ("^/(.*)", "http://münchen.example/ä/$1", "/a", "http://xn--mnchen-3ya.example/%C3%A4/a"),
        ("^/(.*)", "http://ä$1", "/a", "http://xn--4ca/a"),
    ],
)
def test_captures_are_put_in(pattern: str, value: str, target: str, url: str) -> None:
    assert resolve(pattern, value, target) == url


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/a?x=1&y=2", "http://h/a?x=1&y=2"),
        ("/a?", "http://h/a?"),
        ("/?x=a%26b%3Dc+d%2Be", "http://h/?x=a%26b%3Dc+d%2Be"),
        ("/a?x=/b?c", "http://h/a?x=/b?c"),
        ("/a%2Fb%3Fc%23d%25e", "http://h/a%2Fb%3Fc%23d%25e"),
        ("/a%2fb", "http://h/a%2fb"),
        ("/a%2Bb/a%3Bx/a%2Cb,c", "http://h/a%2Bb/a%3Bx/a%2Cb,c"),
        ("/?u=https%3A%2F%2Fx&q[]=1&t=%41", "http://h/?u=https%3A%2F%2Fx&q[]=1&t=%41"),
        ("/%61/./%2e/b%2Fc/%2E%2e/d%2Be", "http://h/%61/d%2Be"),
        ("//a%2B//b", "http://h//a%2B//b"),
        ("/%252e%252e/a", "http://h/%252e%252e/a"),
        ("/a%20b%22%3C%5E%60%7B", "http://h/a%20b%22%3C%5E%60%7B"),
        ("/%E2%82%AC/%ff", "http://h/%E2%82%AC/%ff"),
        ("/a?q=%E2%82%AC%ff%0D%0A", "http://h/a?q=%E2%82%AC%ff%0D%0A"),
        ("/a;b=c,d/@e:f!$&'()*+=", "http://h/a;b=c,d/@e:f!$&'()*+="),
        ('/a|b?c|d[e]{f}^`"<>', 'http://h/a|b?c|d[e]{f}^`"<>'),
        ("/a\\b?c\\d", "http://h/a%5Cb?c%5Cd"),
        ("/%41%7e", "http://h/%41%7e"),
    ],
)
def test_what_the_client_sent_arrives(target: str, url: str) -> None:
    assert resolve("^/(.*)", "http://h/$1", target) == url
    assert resolve("^(.*)", "http://h$1", target) == url
    assert resolve(r"^([^?]*)(\?.*)?", "http://h$1$2", target) == url


@pytest.mark.parametrize(
    "capture",
    ["@evil/x", ":1234/x", ".evil/", "evil", "-x.evil", "\\\\evil\\x", "%5C%5Cevil", "//evil/x", "%40evil", "#@evil"],
)
def test_a_capture_behind_a_host_is_its_path(capture: str) -> None:
    match = re.search("^/api(.*)", f"/api{capture}")
    assert match is not None
    origin, path = put_in("http://h:3000$1", match)
    assert origin == Origin("http", "h", 3000, "h:3000")
    assert path.startswith("/")
    assert re.fullmatch(r"[!-~]+", path)
    assert not {"#", "\\"} & set(path)


@pytest.mark.parametrize(
    ("pattern", "value", "target"),
    [
        ("^/x(.*)", "http://h/base/$1", "/x../secret"),
        ("^/x(.*)", "http://h/base$1", "/x/..%2fsecret"),
        ("^/x/(.*)", "http://h/base/$1", "/x/..%2f..%2fsecret"),
        ("^/x/(.*)", "http://h/base/$1", "/x/a%2F..%2F..%2Fsecret"),
        ("^/x/(.*)", "http://h/base/$1", "/x/..%5csecret"),
        ("^/x/(.*)", "http://h/base/$1", "/x/a\\..\\secret"),
        ("^/x/(.*)", "http://h/base/$1", "/x/..;/secret"),
        ("^/x/(.*)", "http://h/base/$1", "/x/..;a=b/secret"),
        ("^/x(.*)", "http://h/base/.$1", "/x./secret"),
        ("^/x/(.)(.*)", "http://h/base/$1$2", "/x/..%2Fsecret"),
        ("^/x/(.*)", "http://h/base/$1", "/x/.%2e%2fsecret"),
        ("^/x(.*)", "http://h/base/$1", "/x%2e%2e"),
        ("^/x(.*)", "http://h/base/$1?x", "/x.."),
    ],
)
def test_no_capture_climbs(pattern: str, value: str, target: str) -> None:
    with pytest.raises(HTTPError) as caught:
        resolve(pattern, value, target)
    assert caught.value.status == 400


def test_an_encoded_dot_segment_of_a_redirect_does_not_climb() -> None:
    """A handler may redirect to a URL that was never canonical."""
    match = re.search("(.*)", "%2E%2e/x")
    assert match is not None
    with pytest.raises(HTTPError):
        put_in("http://h/base/$1", match)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("/x/..a/b..", "http://h/base/..a/b.."),
        ("/x/.../a", "http://h/base/.../a"),
        ("/x/a/../b", "http://h/base/b"),
        ("/x/a?b=../c", "http://h/base/a?b=../c"),
    ],
)
def test_dots_that_do_not_climb_stay(target: str, url: str) -> None:
    assert resolve("^/x/(.*)", "http://h/base/$1", target) == url


@pytest.mark.parametrize(
    ("pattern", "value", "target", "url"),
    [
        # The author's query and what follows a capture stay the author's.
        ("^/(.*)", "http://h/$1?key=1", "/a?key=2", "http://h/a%3Fkey=2?key=1"),
        # A piece of a path is one value in a query.
        ("^/(.*)", "http://h/?id=$1&key=1", "/a&key=2", "http://h/?id=a%26key%3D2&key=1"),
        ("^/(.*)", "http://h/?id=$1", "/a+b;c=%26%23%25", "http://h/?id=a%2Bb%3Bc%3D%26%23%25"),
        ("^/(.*)", "http://h/?u=$1", "/a?b=c&d", "http://h/?u=a%3Fb%3Dc%26d"),
        # A piece of a query stays a query; in a path it begins none.
        (r"^/a\?(.*)", "http://h/?key=1&$1", "/a?b=c&d=%26", "http://h/?key=1&b=c&d=%26"),
        (r"^/a\?to=(.*)", "http://h/$1", "/a?to=b/c?d%23e", "http://h/b/c%3Fd%23e"),
    ],
)
def test_a_capture_keeps_its_meaning(pattern: str, value: str, target: str, url: str) -> None:
    assert resolve(pattern, value, target) == url


@pytest.mark.parametrize(
    ("pattern", "value", "target", "url"),
    [
        ("^/db/(.*)", "http://h/t/$1/", "/db/id?x=1", "http://h/t/id/?x=1"),
        ("^/db/(.*)", "http://h/t/$1/", "/db/id", "http://h/t/id/"),
        ("^/(.*)", "http://h/$1/public", "/a?", "http://h/a/public?"),
        ("^/(.*)", "http://h/$1.json", "/a?b?c", "http://h/a.json?b?c"),
        ("^/([^/]*)/(.*)", "http://h/$2/$1", "/a/b?c", "http://h/b/a?c"),
        ("^/([^/]*)/(.*)", "http://h/$2$1", "/a/b?c", "http://h/ba?c"),
        ("^/(.*)", "http://h/$1/$1", "/a?b", "http://h/a/a?b"),
        (r"^/([^?]*)(\?[^&]*)(.*)", "http://h/$1$2/end$3", "/a?b&c=%26", "http://h/a/end?b&c=%26"),
        ("^/p/([^/]*)/(.*)", "http://$1/$2/end", "/p/h/a?b", "http://h/a/end?b"),
        ("^/p/(.*)", "http://$1/end", "/p/h/a?b", "http://h/a/end?b"),
    ],
)
def test_the_client_s_query_goes_to_the_end(pattern: str, value: str, target: str, url: str) -> None:
    assert resolve(pattern, value, target) == url


@pytest.mark.parametrize(
    ("pattern", "value", "target", "url"),
    [
        ("^/p/(https?)/(.*)", "$1://$2", "/p/https/e.example:8443/a?b=c", "https://e.example:8443/a?b=c"),
        ("^/p/(https?)/(.*)", "$1://$2", "/p/http/e.example", "http://e.example/"),
        ("^/p/(https?)/(.*)", "$1://$2", "/p/http/e.example?x", "http://e.example/?x"),
        ("^/p/(https?)/(.*)", "$1://$2", "/p/http/e.example:80/a%2Fb", "http://e.example/a%2Fb"),
        ("^/p/(https?)/(.*)", "$1://$2", "/p/http/[2001:db8::1]:81/", "http://[2001:db8::1]:81/"),
        ("^/p/(https?)/(.*)", "$1://$2", "/p/http/m%C3%BCnchen.example/", "http://xn--mnchen-3ya.example/"),
        ("^/p/(.*)", "$1", "/p/http://e.example/a?b", "http://e.example/a?b"),
        ("^/p/(.*)", "http://$1", "/p/e.example/a?b", "http://e.example/a?b"),
        ("^/p/([^/]*)/(.*)", "http://$1/v1/$2", "/p/e.example:81/a?b", "http://e.example:81/v1/a?b"),
        ("^/p/([^/]*)/(.*)", "https://$1.example/$2", "/p/e/a", "https://e.example/a"),
        ("^/p/([^/]*)/(.*)", "https://api-$1.example/$2", "/p/e/a", "https://api-e.example/a"),
        ("^/p/([^/]*)/(.*)", "http://localhost:$1/$2", "/p/3000/a", "http://localhost:3000/a"),
    ],
)
def test_captures_choose_the_origin(pattern: str, value: str, target: str, url: str) -> None:
    assert URLTemplate.parse(value).origin is None
    assert resolve(pattern, value, target) == url


@pytest.mark.parametrize(
    ("pattern", "value", "target"),
    [
        ("^/p/(.*)", "http://$1", "/p/user@e.example/"),
        ("^/p/(.*)", "http://$1", "/p/user:secret@e.example/"),
        ("^/p/(.*)", "http://$1", "/p/e.example%40evil/"),
        ("^/p/(.*)", "http://$1", "/p/"),
        ("^/p/(.*)", "http://$1", "/p//path"),
        ("^/p/(.*)", "http://$1", "/p/e.example:port/"),
        ("^/p/(.*)", "http://$1", "/p/e.example:0/"),
        ("^/p/(.*)", "http://$1", "/p/e.example:65536/"),
        ("^/p/(.*)", "http://$1", "/p/e.example:80:80/"),
        ("^/p/(.*)", "http://$1", "/p/[::1/"),
        ("^/p/(.*)", "http://$1", "/p/[1:2]/"),
        ("^/p/(.*)", "http://$1", "/p/e%20.example/"),
        ("^/p/(.*)", "http://$1", "/p/e%25.example/"),
        ("^/p/(.*)", "http://$1", "/p/%E2%84%80.example/"),  # becomes a/c by compatibility (NFKC)
        ("^/p/(.*)", "$1", "/p/e.example/"),
        ("^/p/(.*)", "$1", "/p/file:///etc/passwd"),
        ("^/p/(.*)", "$1", "/p/gopher://e.example/"),
        ("^/p/(.*)/(.*)", "$1://$2", "/p/ftp/e.example"),
        ("^/p/(.*)/(.*)", "http://$1.e.example/$2", "/p/evil.example/x/a"),
        ("^/p/(.*)/(.*)", "http://$1.e.example/$2", "/p/evil.example%23/a"),
        ("^/p/(.*)/(.*)", "http://$1.e.example/$2", "/p/evil.example%3F/a"),
        ("^/p/([^/]*)/(.*)", "http://$1.e.example/$2", "/p/evil.example\\/a"),
        ("^/p/([^/]*)/(.*)", "http://$1.e.example/$2", "/p/evil.example:80/a"),
        ("^/p/(.*)", "http://localhost:$1/", "/p/80@evil.example"),
    ],
)
def test_what_is_no_origin_is_refused(pattern: str, value: str, target: str) -> None:
    with pytest.raises(HTTPError) as caught:
        resolve(pattern, value, target)
    assert caught.value.status == 400


def test_without_a_match_a_captured_origin_is_refused() -> None:
    match = re.match("", "")
    assert match is not None
    with pytest.raises(HTTPError):
        put_in("$1://$2", match)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "/path",
        "h/$1",
        "ftp://h/$1",
        "http:/h",
        "http://",
        "http:///$1",
        "http://user:secret@h/$1",
        "http://h:port/",
        "http://h:99999/",
        "http://h#$1",
        "http://h/$1#x",
        "http://h/../$1",
        "http://h/a/%2e%2e/$1",
        "http://h\\$1",
        "http://[h]/",
    ],
)
def test_a_value_that_is_no_url_is_a_mistake(value: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        URLTemplate.parse(value)


# Whatever a client sends.

_TEXT = st.text(st.sampled_from("ab/.%2eE5cCfF3?#@:;&=\\ \r\n\0é€[]"), max_size=20)


@given(_TEXT)
def test_the_author_s_part_never_changes(text: str) -> None:
    match = re.search("(?s)(.*)", text)
    assert match is not None
    for value in (
        "http://h:3000$1",
        "http://h:3000/base/$1",
        "http://h:3000/base/$1?key=1",
        "http://h:3000/base/?k=$1&z=2",
    ):
        try:
            origin, target = put_in(value, match)
        except HTTPError:
            continue
        assert str(origin) == "http://h:3000"
        assert re.fullmatch(r"/[!-~]*", target)
        assert "#" not in target
        assert "\\" not in target
        path, _, query = target.partition("?")
        if "base" in value:
            assert path.startswith("/base/")
        if "key" in value:
            assert query == "key=1"
        if "z=2" in value:
            assert re.fullmatch("k=[^&]*&z=2", query)
        assert ".." not in re.split(r"[/;]|%2f|%5c", path.lower().replace("%2e", "."))


@given(_TEXT)
def test_an_origin_is_a_host_and_a_port_or_refused(text: str) -> None:
    match = re.search("(?s)(.*)", text)
    assert match is not None
    try:
        origin, target = put_in("http://$1", match)
    except HTTPError:
        return
    assert re.fullmatch(r"http://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]+)?", str(origin))
    assert re.fullmatch(r"/[!-~]*", target)


def test_an_authority_is_parsed() -> None:
    assert parse_origin("HTTPS", "H.Example:443") == Origin("https", "h.example", 443, "h.example")
    assert parse_origin("http", "h:443") == Origin("http", "h", 443, "h:443")
    assert parse_origin("http", "h:") == Origin("http", "h", 80, "h")


def test_a_url_is_parsed() -> None:
    assert parse_url("http://h:1/a b?c d#e") == (Origin("http", "h", 1, "h:1"), "/a%20b?c%20d")
    assert parse_url("https://h")[1] == "/"
    for wrong in ("/a", "h/a", "ftp://h/", "http://u@h/", "http://h:x/"):
        with pytest.raises(ValueError, match=r"\w"):
            parse_url(wrong)
