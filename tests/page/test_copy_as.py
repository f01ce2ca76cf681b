"""Requests copied as commands and code: what the page writes, run as it is, is recorded as the same request again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit import node
from tests.kit.mirrors import Mirror
from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from reserve_core.testing import StartServer
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


@pytest.fixture
def mirror(reserve_server: StartServer) -> Mirror:
    mapping = {"match": "^(/.*)$", "mirror": "$1", "codes": ["copies"], "redis-url": None, "max-requests": 1000}
    return Mirror(reserve_server({"mappings": [mapping]}).url.rstrip("/"), "copies")


def copied(mirror: Mirror, format: str, names: list[str]) -> list[tuple[str, dict[str, Any], str]]:  # noqa: A002
    """Sends these cases, and returns each with the request that was recorded and its copy in the format."""
    requests = []
    for name in names:
        mirror.send(*CASES[name])
        requests.append(mirror.whole())
    asked = [{"request": request, "bodyUrl": f"{mirror.api}/requests/{request['id']}/body"} for request in requests]
    script = Path(__file__).with_name("copy_as.mjs")
    done = node.run("node", script, text=json.dumps({"format": format, "requests": asked}))
    assert done.returncode == 0, done.stderr
    return list(zip(names, requests, json.loads(done.stdout), strict=True))


def same(captured: dict[str, Any]) -> dict[str, Any]:
    """What must be the same in a second capture. A client sends Host and Content-Length where it likes."""
    members = ("method", "path", "url", "query", "http_version", "size", "sha256", "form", "files")
    framing = sorted(value for name, value in captured["headers"] if name.lower() in ("host", "content-length"))
    headers = [pair for pair in captured["headers"] if pair[0].lower() not in ("host", "content-length")]
    return {**{name: captured[name] for name in members}, "headers": headers, "framing": framing}


@pytest.mark.parametrize(
    ("shell", "names"), [("sh", list(CASES)), ("bash", ["query", "binary", "hostile", "terminal", "headers"])]
)
def test_curl(mirror: Mirror, tmp_path: Path, shell: str, names: list[str]) -> None:
    for name, recorded, command in copied(mirror, "cURL", names):
        assert all(char.isprintable() or char == "\n" for char in command), name
        assert name == "emoji" or not set(UNSEEN) & set(command), name
        subprocess.run([shell, "-c", command], cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE)
        assert same(mirror.whole()) == same(recorded), f"{name}: {command}"
    assert not list(tmp_path.iterdir())


def test_python(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["bare", "json", "untyped", "binary", "hostile", "unseen", "terminal", "headers", "chunked", "large"]
    for name, recorded, code in copied(mirror, "Python requests", [*names, "large text"]):
        assert not set(UNSEEN) & set(code), name
        requests = FakeRequests()
        monkeypatch.setitem(sys.modules, "requests", requests)
        exec(compile(code, name, "exec"), {})
        method, url, headers, data = requests.sent
        assert (method, url) == (recorded["method"], recorded["url"])
        sent = {"untyped": b"@/etc/passwd", "chunked": b"abc"}.get(name, CASES[name][2])
        assert data == (sent if len(sent) <= 64_000 else f"content of {mirror.api}/requests/{recorded['id']}/body")
        assert headers == merged(recorded["headers"])


def test_pytest(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it sends to one's own handler, the mirror here, is recorded as the same request."""
    monkeypatch.setenv("HANDLER_URL", mirror.url)
    names = [name for name in CASES if name not in ("dots", "chunked", "no body", "put nothing")]
    for name, recorded, code in copied(mirror, "pytest", names):
        assert name == "emoji" or not set(UNSEEN) & set(code), name
        (file := tmp_path / "test_it.py").write_text(code)
        (tmp_path / f"{recorded['id']}.body").write_bytes(CASES[name][2])
        module = {"__file__": str(file)}
        exec(compile(code, name, "exec"), module)
        (test,) = [value for key, value in module.items() if key.startswith("test_")]
        test()  # type: ignore[operator]
        assert same(mirror.whole()) == same(recorded), f"{name}: {code}"


def test_a_pytest_of_what_is_not_whole_is_skipped(mirror: Mirror) -> None:
    mirror.send("POST", "/orders/7?x=1", b"{}", [("X-A", "1")])
    recorded = mirror.whole()
    script = Path(__file__).with_name("copy_as.mjs")
    requests = [
        {"request": {**recorded, "truncated": True}, "bodyUrl": ""},
        {"request": {**recorded, "url": "http://a/api/x", "response": {"status": 404}}, "bodyUrl": ""},
    ]
    done = node.run("node", script, text=json.dumps({"format": "pytest", "requests": requests}))
    cut, tapped = json.loads(done.stdout)
    assert '@pytest.mark.skip("the mirror has not kept all of the body")\ndef test_post_orders_7() -> None:' in cut
    assert 'HANDLER.path + "/orders/7?x=1", skip_accept_encoding=True)' in cut
    assert "import pytest" not in tapped
    assert 'HANDLER.path + "/api/x", ' in tapped
    assert "assert response.status == 404, response.read()" in tapped


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


def test_fetch(mirror: Mirror) -> None:
    # The others have what fetch has no say in.
    names = ["query", "head", "delete", "json", "form", "untyped", "binary", "hostile", "terminal", "large"]
    copies = copied(mirror, "fetch", names)
    done = node.run("node", "--input-type=module", text="\n".join(f"{{ {code} }}" for _, _, code in copies))
    assert done.stdout.split() == ["200"] * len(copies), done.stderr
    for index, (name, recorded, code) in enumerate(copies):
        again = mirror.whole(index - len(copies))
        assert again["id"] != recorded["id"]
        for member in ("method", "url", "size", "sha256"):
            assert again[member] == recorded[member], f"{name}: {code}"
        sent = [(key.lower(), value) for key, value in again["headers"]]
        for key, value in recorded["headers"]:
            if key.lower() not in ("host", "content-length"):
                assert (key.lower(), value) in sent, (name, key)


def test_httpie(mirror: Mirror) -> None:
    (_, recorded, hostile), (_, _, plain) = copied(mirror, "HTTPie", ["hostile", "json"])
    words = shlex.split(hostile.replace("\\\n", ""))
    # The body is piped in: its direction marks must not stand in a command as they are.
    assert words[0] == "printf"
    assert words[2:7] == ["|", "http", "--path-as-is", "POST", recorded["url"]]
    assert "X-Hostile:'\"`$(id)!!\\%s\\;&|\\@\\=\\:" in words
    words = shlex.split(plain.replace("\\\n", ""))
    assert words[:4] == ["http", "--path-as-is", "--ignore-stdin", '--raw={"name": "O\'Brien", "µ": "✓"}']
    assert words[-3:] == ["User-Agent:", "Accept:", "Accept-Encoding:"]
