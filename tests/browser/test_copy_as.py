"""Requests copied as commands and code: what is copied, run as it is, makes the same capture again."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.browser.conftest import LivePage, Site, Visit
    from tests.kit.client import Headers

ALL_BYTES = bytes(range(256))
TYPE = "Content-Type"
# Every character that a shell, HTTPie, Python or JavaScript gives a meaning, and what a terminal would obey.
HOSTILE = "'\"`$(touch pwned)${HOME}!!\\n\\\\%s%%;&|<>*?[a]{b,c}#~@file=:=:==x\u2028\u202e\U0001f600"
TERMINAL = "\x1b[201~\ntouch pwned\n\x15\x03\x9b\t"
UNSEEN = "\u3164\ufe0f\xa0\u2800"  # not all of it is unprintable for Python

Case = tuple[str, str, bytes, "Headers"]

CASES: dict[str, Case] = {
    "plain": ("GET", "/plain", b"", [("User-Agent", "test/1"), ("Accept", "*/*")]),
    "bare": ("GET", "", b"", []),
    "query": ("GET", "/a%20b/%C3%A9;v=1//x?q=%27+%22&q=$(x)`y`&[z]={1,2}&!!", b"", []),
    "dots": ("GET", "/a/./b/%2e%2e/c", b"", []),
    "head": ("HEAD", "/head", b"", [("Accept", "text/html")]),
    "delete": ("DELETE", "/users/1", b"", []),
    "options": ("OPTIONS", "/cors", b"", [("Origin", "http://example.com"), ("Access-Control-Request-Method", "PUT")]),
    "json": ("POST", "/json", '{"name": "O\'Brien", "µ": "✓"}'.encode(), [(TYPE, "application/json")]),
    "form": ("POST", "/form", b"a=1&b=%27", [(TYPE, "application/x-www-form-urlencoded")]),
    "untyped": ("POST", "/untyped", b"@/etc/passwd", []),
    "dashes": ("PUT", "/dashes", b"--next --help", [(TYPE, "text/plain")]),
    "no body": ("POST", "/no-body", b"", [("Content-Length", "0")]),
    "put nothing": ("PUT", "/nothing", b"", []),
    "body of get": ("GET", "/search", b'{"query": 1}', [(TYPE, "application/json")]),
    "lines": ("PATCH", "/lines", b"first\nsecond\n\n", [(TYPE, "text/plain")]),
    "windows lines": ("POST", "/crlf", b"first\r\nsecond\r\n", [(TYPE, "text/plain")]),
    "binary": ("POST", "/binary", ALL_BYTES, [(TYPE, "application/octet-stream")]),
    "nul": ("POST", "/nul", b"\0", []),
    "hostile": ("POST", "/hostile", HOSTILE.encode(), [(TYPE, "text/plain"), ("X-Hostile", "'\"`$(id)!!\\%s;&|@=:")]),
    "unseen": ("POST", "/unseen", f"a{UNSEEN}b".encode(), [(TYPE, "text/plain")]),
    "emoji": ("POST", "/emoji", "\u2764\ufe0f".encode(), [(TYPE, "text/plain")]),
    "terminal": ("POST", "/terminal", TERMINAL.encode(), [(TYPE, "text/plain"), ("X-Tab", "a\tb")]),
    "headers": (
        "GET",
        "/headers",
        b"",
        [
            *[("X-Same", "1"), ("x-Other", "="), ("X-Same", "2"), ("X-Empty", ""), ("X-Utf-8", "caf\xc3\xa9")],
            *[("X-Latin", "caf\xe9 !x"), ("Cookie", "a=1; b=2"), ("User-Agent", "x;"), ("X-End", "semicolon;")],
        ],
    ),
    "chunked": ("POST", "/chunked", b"3\r\nabc\r\n0\r\n\r\n", [("Transfer-Encoding", "chunked"), (TYPE, "text/plain")]),
    "large": ("POST", "/large", ALL_BYTES * 5000, [(TYPE, "application/octet-stream")]),
    "large text": ("POST", "/large-text", b"line of text\n" * 6000, [(TYPE, "text/plain")]),
}


def capture(live: LivePage, case: Case) -> dict[str, Any]:
    """Sends a request and opens it."""
    method, path, body, headers = case
    live.mirror.send(method, path, body, headers)
    captured = live.mirror.whole()
    row = live.page.locator(f'#list a[href="#{captured["id"]}"]')
    row.click()
    expect(live.detail.locator(".url")).to_have_text(captured["url"])
    expect(live.detail.locator("section").first).to_be_visible()
    return captured


def same(captured: dict[str, Any]) -> dict[str, Any]:
    """What must be the same in a second capture. A client sends Host and Content-Length where it likes."""
    members = ("method", "path", "url", "query", "http_version", "size", "sha256", "form", "files")
    framing = sorted(value for name, value in captured["headers"] if name.lower() in ("host", "content-length"))
    headers = [pair for pair in captured["headers"] if pair[0].lower() not in ("host", "content-length")]
    return {**{name: captured[name] for name in members}, "headers": headers, "framing": framing}


@pytest.mark.parametrize(
    ("shell", "names"), [("sh", list(CASES)), ("bash", ["query", "binary", "hostile", "terminal", "headers"])]
)
def test_curl(live: LivePage, tmp_path: Path, shell: str, names: list[str]) -> None:
    for name in names:
        case = CASES[name]
        captured = capture(live, case)
        command = live.copied_as("cURL")
        assert all(char.isprintable() or char == "\n" for char in command), name
        assert name == "emoji" or not set(UNSEEN) & set(command), name
        subprocess.run([shell, "-c", command], cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE)
        assert same(live.mirror.whole()) == same(captured), f"{name}: {command}"
    assert not list(tmp_path.iterdir())


def test_python(live: LivePage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "bare",
        "json",
        "untyped",
        "binary",
        "hostile",
        "unseen",
        "terminal",
        "headers",
        "chunked",
        "large",
        "large text",
    ):
        case = CASES[name]
        captured = capture(live, case)
        code = live.copied_as("Python requests")
        assert not set(UNSEEN) & set(code), name
        requests = FakeRequests()
        monkeypatch.setitem(sys.modules, "requests", requests)
        exec(compile(code, name, "exec"), {})
        method, url, headers, data = requests.sent
        assert (method, url) == (captured["method"], captured["url"])
        sent = {"untyped": b"@/etc/passwd", "chunked": b"abc"}.get(name, case[2])
        assert data == (sent if len(sent) <= 64_000 else f"content of {live.mirror.api}/requests/{captured['id']}/body")
        assert headers == merged(captured["headers"])


class FakeRequests(ModuleType):
    """Stands for the library, which is not needed to see what it would be asked."""

    def __init__(self) -> None:
        super().__init__("requests")
        self.sent: tuple[str, str, dict[str, str], Any] = ("", "", {}, None)

    def request(self, method: str, url: str, headers: dict[str, str] | None = None, data: Any = b"") -> Any:
        self.sent = (method, url, headers or {}, data)
        return type("Response", (), {"status_code": 200})

    def get(self, url: str) -> Any:
        return type("Response", (), {"content": f"content of {url}"})


def merged(headers: list[list[str]]) -> dict[str, str]:
    """The headers as a dict can hold them."""
    together: dict[str, str] = {}
    for name, value in headers:
        if name.lower() not in ("host", "content-length"):
            together[name] = f"{together[name]}, {value}" if name in together else value
    return together


def test_fetch(live: LivePage) -> None:
    # The others have what a browser's fetch has no say in.
    for name in ("query", "head", "delete", "json", "form", "untyped", "binary", "hostile", "terminal", "large"):
        captured = capture(live, CASES[name])
        code = live.copied_as("fetch")
        count = len(live.mirror.requests())
        live.page.evaluate(f"async () => {{ {code} }}")
        again = live.mirror.whole()
        assert len(live.mirror.requests()) == count + 1, code
        for member in ("method", "url", "size", "sha256"):
            assert again[member] == captured[member], f"{name}: {code}"
        sent = [tuple(pair) for pair in again["headers"]]
        for pair in captured["headers"]:
            if pair[0].lower() not in ("host", "content-length", "user-agent", "origin"):
                assert any((pair[0].lower(), pair[1]) == (key.lower(), value) for key, value in sent), (name, pair)


def test_httpie(live: LivePage) -> None:
    captured = capture(live, CASES["hostile"])
    words = shlex.split(live.copied_as("HTTPie").replace("\\\n", ""))
    # The body is piped in: its direction marks must not stand in a command as they are.
    assert words[0] == "printf"
    assert words[2:7] == ["|", "http", "--path-as-is", "POST", captured["url"]]
    assert "X-Hostile:'\"`$(id)!!\\%s\\;&|\\@\\=\\:" in words
    capture(live, CASES["json"])
    words = shlex.split(live.copied_as("HTTPie").replace("\\\n", ""))
    assert words[:4] == ["http", "--path-as-is", "--ignore-stdin", '--raw={"name": "O\'Brien", "µ": "✓"}']
    assert words[-3:] == ["User-Agent:", "Accept:", "Accept-Encoding:"]


def test_a_truncated_body_is_said_to_be_one(site: Site, visit: Visit) -> None:
    live = visit(site.mirror(base="/few"))
    capture(live, ("POST", "/large", b"x" * 2000, [(TYPE, "text/plain")]))
    command = live.copied_as("cURL")
    expect(live.page.locator("#toast")).to_have_text("Copied as cURL; the body is only the part that was kept")
    assert command.endswith(f"--data-raw {'x' * 1000}")
