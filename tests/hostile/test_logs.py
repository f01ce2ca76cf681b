"""What the command writes while clients send what no terminal should see: one printable line each, and no secret."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Start
    from tests.hostile.conftest import Score
    from tests.hostile.test_fuzzing import Write

SECRET = "s3cr3t"

HANDLERS = """
from reserve_core import HTTPError


async def fails(request, response):
    raise ValueError(f"{request.path}\\r\\nERROR forged \\x1b[31m {request.headers.get('x', '')}")


async def refuses(request, response):
    raise HTTPError(400, request.path)


async def seen(request, response):
    form = await request.form()
    response.send(str(len(request.cookies)))
"""
# Controls raw and encoded, of terminals (ECMA-48), of lines (Unicode's too), of direction, and what is no UTF-8.
HOSTILE = [
    b"%1b[31mred",
    b"%1b]0;title%07",
    b"%1b[2J%1b[H",
    b"%c2%9b31m",
    b"%0d%0aSERVE GET /forged 200 1 ms",
    b"%0aERROR forged",
    b"%e2%80%a8SERVE GET /forged 200 1 ms",
    b"%c2%85SERVE",
    b"%e2%80%aereversed",
    b"%e2%81%a6isolated",
    b"%ff%fe",
    b"%ed%a0%80",
    b"%08%08%08",
    b"%00",
    b"%7f",
    b"\x1b[31m",
    b"\xff",
    b"a\rb",
    b"?%1b[31m",
    b"?%0d%0aforged",
    b"?a=%e2%80%ae",
    b"%25%s%n{0}",
    b"a" * 7000,
]
PATHS = [b"/files/", b"/fails/", b"/refuses/", b"/up/", b"/seen/", b"/mirror/r/fuzz/", b"/old/"]
HEADERS = [
    b"X: \x1b[31m",
    b"X: \xe2\x80\xae",
    b"User-Agent: \x1b]0;x\x07",
    b"Referer: http://a/\xff",
    b"Host: \x1b[31m",
    b"Cookie: a=\x1b[31m",
    b"Range: bytes=\x1b",
    b"X: a\r\n\x1b: b",
]
SECRETS = [
    (b"/seen/", b"Authorization: Bearer s3cr3t"),
    (b"/fails/", b"Authorization: Basic s3cr3t"),
    (b"/up/", b"Authorization: Bearer s3cr3t"),
    (b"/refuses/", b"Cookie: session=s3cr3t"),
    (b"/up/", b"Cookie: session=s3cr3t\r\nProxy-Authorization: Basic s3cr3t"),
    (b"/fails/?token=s3cr3t", b"X-Api-Key: s3cr3t"),
    (b"/up/?access_token=s3cr3t&a=b", b"X: y"),
    (b"/mirror/?token=s3cr3t", b"X: y"),
    (b"/mirror/api/mirrors/fuzz", b"Authorization: Bearer s3cr3t"),
    (b"/proxy/http://me:s3cr3t@127.0.0.1:1/", b"X: y"),
    (b"/mirror/r/fuzz?api_key=s3cr3t", b"Cookie: s3cr3t=s3cr3t"),
    (b"/files/?x-amz-signature=s3cr3t", b"Set-Cookie: s3cr3t"),
]
CONFIGURATION: dict[str, Any] = {
    "mappings": [
        {"match": "^/mirror(/.*)?$", "mirror": "$1", "codes": ["fuzz"], "token": f"{SECRET}-{SECRET}"},
        {"match": "^/fails", "custom": "./handlers.py:fails"},
        {"match": "^/refuses", "custom": "./handlers.py:refuses"},
        {"match": "^/seen", "custom": "./handlers.py:seen"},
        {"match": "^/old/(.*)", "status": 301, "headers": {"location": "/$1"}},
        {"match": "^/up/(.*)", "url": "http://127.0.0.1:1/$1"},
        {"match": "^/proxy/(.*)", "url": "$1"},
        {"match": "^/files/(.*)", "file": "./$1"},
    ]
}
# The log's lines: what happened and to what; the lines of a traceback and of a reason.
LINE = re.compile(
    r"Server running at http://\S+|CLOSE|(INCMG|PASSD|RDRCT|SERVE|ABORT|ERROR) [0-9A-F]{4} .+|ABORT [0-9A-F]{4}"
    r"|SERVE [A-Z]+ .+ \d{3} \d+ ms|(ERROR|WARNING) .+|\\____ .+|    .+"
)


def send(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(data)
        while client.recv(65536):
            pass


@pytest.mark.parametrize("option", ["--verbose", None])
def test_lines(option: str | None, start: Start, write: Write, score: Score) -> None:
    write({"handlers.py": HANDLERS, "reserve.json": CONFIGURATION})
    server = start(*filter(None, [option]))
    port = int(server.ready().rstrip("/").rpartition(":")[2])
    end = b"Connection: close\r\n\r\n"
    requests = [b"GET %b%b HTTP/1.1\r\nHost: localhost\r\n%b" % (path, text, end) for path in PATHS for text in HOSTILE]
    requests += [
        b"GET %b HTTP/1.1\r\n%b%b\r\n%b"
        % (path, b"" if header.startswith(b"Host") else b"Host: localhost\r\n", header, end)
        for path in PATHS
        for header in HEADERS
    ]
    requests += [b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n%b" % (path, header, end) for path, header in SECRETS]
    for request in requests:
        send(port, request)
    assert server.stop() == 0
    lines = [*server.output, *server.errors.splitlines()]
    raw = "\n".join(lines)
    odd = [line for line in lines if not line.isprintable() or not LINE.fullmatch(line)]
    forged = [line for line in lines if line.startswith(("SERVE GET /forged", "ERROR forged", "forged"))]
    leaked = [line for line in lines if SECRET in line]
    name = f"with {option}" if option else "without options"
    score(
        f"{len(requests)} requests {name}, {len(lines):,} lines: {len(odd)} not printable or of no known form, "
        f"{len(forged)} forged, {len(leaked)} with a secret"
    )
    assert odd == []
    assert forged == []
    assert leaked == []
    assert raw.count("SERVE") > 100
