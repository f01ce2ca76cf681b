"""Real servers behind the proxy: what they answer through it equals what they answer directly."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from yarl import URL

from tests.kit.aiohttp_server import aiohttp_server
from tests.kit.nginx import nginx

if TYPE_CHECKING:
    from tests.plugins.url.conftest import Serve

BODY = bytes(range(256)) * 4000

# Method, path, headers, body. None: the body is sent in chunks.
Case = tuple[str, str, dict[str, str], bytes | None]

CASES: list[Case] = [
    ("GET", "/plain", {}, b""),
    ("HEAD", "/plain", {}, b""),
    ("GET", "/plain?a=b%26c&d=%C3%A9", {}, b""),
    ("GET", "/large", {}, b""),
    ("HEAD", "/large", {}, b""),
    ("GET", "/chunked", {}, b""),
    ("HEAD", "/chunked", {}, b""),
    ("GET", "/gzip", {"Accept-Encoding": "gzip"}, b""),
    ("GET", "/cookies", {"Cookie": "a=b; c=d"}, b""),
    ("GET", "/status/201", {}, b""),
    ("GET", "/status/204", {}, b""),
    ("GET", "/status/301", {}, b""),
    ("GET", "/status/304", {"If-None-Match": "x"}, b""),
    ("GET", "/status/404", {}, b""),
    ("GET", "/status/418", {}, b""),
    ("GET", "/status/500", {}, b""),
    ("DELETE", "/status/204", {}, b""),
    ("POST", "/echo", {}, b""),
    ("POST", "/echo", {"Content-Type": "text/x"}, b"body"),
    ("PUT", "/echo", {}, BODY),
    ("POST", "/echo", {}, None),
    ("PATCH", "/echo", {}, b"x" * 100_000),
    ("OPTIONS", "/plain", {}, b""),
]  # fmt: skip

FILES: list[Case] = [
    ("GET", "/small.txt", {}, b""),
    ("HEAD", "/small.txt", {}, b""),
    ("GET", "/large.bin", {}, b""),
    ("GET", "/large.bin", {"Range": "bytes=100-199"}, b""),
    ("GET", "/large.bin", {"Range": "bytes=99999999-"}, b""),
    ("GET", "/small.txt", {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, b""),
    ("GET", "/text.html", {"Accept-Encoding": "gzip"}, b""),
    ("GET", "/folder", {}, b""),
    ("GET", "/missing", {}, b""),
    ("POST", "/small.txt", {}, b"body"),
    ("GET", "/a%2Fb", {}, b""),
]


@asynccontextmanager
async def aiohttp_backend() -> AsyncIterator[int]:
    async def respond(request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/plain":
            return web.Response(text=f"hé {request.query_string}", headers=[("X-Y", "1"), ("X-Y", "2")])
        if path == "/large":
            return web.Response(body=BODY)
        if path == "/gzip":
            return web.Response(body=gzip.compress(BODY, mtime=0), headers={"Content-Encoding": "gzip"})
        if path == "/echo":
            return web.Response(body=await request.read(), headers={"X-Type": request.content_type})
        if path == "/cookies":
            response = web.Response(text=request.headers["cookie"])
            response.set_cookie("a", "b", secure=True)
            response.set_cookie("c", "d")
            return response
        if path == "/chunked":
            stream = web.StreamResponse()
            stream.enable_chunked_encoding()
            await stream.prepare(request)
            for start in range(0, 100_000, 7001) if request.method != "HEAD" else ():
                await stream.write(BODY[start : start + 7001])
            return stream
        status = int(path.rpartition("/")[2])
        return web.Response(status=status, text=None if status in (204, 304) else "text", headers={"Location": "/x"})

    async with aiohttp_server(respond) as port:
        yield port


@asynccontextmanager
async def uvicorn_server() -> AsyncIterator[int]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        status, headers, chunks = 200, [(b"x-y", b"1"), (b"x-y", b"2")], [b"text"]
        if path == "/plain":
            chunks = [scope["query_string"]]
            headers.append((b"content-length", b"%d" % len(chunks[0])))
        elif path == "/large":
            chunks = [BODY[start : start + 100_000] for start in range(0, len(BODY), 100_000)]
            headers.append((b"content-length", b"%d" % len(BODY)))
        elif path == "/gzip":
            chunks = [gzip.compress(BODY, mtime=0)]
            headers.append((b"content-encoding", b"gzip"))
        elif path == "/chunked":
            chunks = [BODY[start : start + 7001] for start in range(0, 100_000, 7001)]
        elif path == "/cookies":
            headers += [(b"set-cookie", b"a=b; Secure"), (b"set-cookie", b"c=d")]
        elif path == "/echo":
            chunks, more = [], True
            while more:
                message = await receive()
                chunks.append(message.get("body", b""))
                more = message["more_body"]
        else:
            status = int(path.rpartition("/")[2])
            if status in (204, 304):
                chunks = []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    sock = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([sock]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


NODE = """
const http = require('http'), zlib = require('zlib')
const body = Buffer.alloc(1024000, Buffer.from([...Array(256).keys()]))
const server = http.createServer((request, response) => {
  const path = request.url.split('?')[0]
  response.setHeader('X-Y', ['1', '2'])
  if (path === '/plain') response.end('hé ' + request.url)
  else if (path === '/large') response.writeHead(200, { 'Content-Length': body.length }).end(body)
  else if (path === '/gzip') response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(zlib.gzipSync(body))
  else if (path === '/cookies') response.writeHead(200, { 'Set-Cookie': ['a=b; Secure', 'c=d'] }).end('text')
  else if (path === '/chunked') {
    for (let start = 0; start < 100000; start += 7001) response.write(body.subarray(start, start + 7001))
    response.end()
  }
  else if (path === '/echo') request.pipe(response)
  else response.writeHead(+path.split('/')[2], { Location: '/x' }).end('text')
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
"""


@asynccontextmanager
async def node_server() -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec("node", "-e", NODE, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


NGINX = """
absolute_redirect off; gzip on; gzip_min_length 1; gzip_proxied any;
types { text/html html; text/plain txt; }
server { listen 127.0.0.1:PORT; root WWW; }
"""


@asynccontextmanager
async def nginx_server(folder: Path) -> AsyncIterator[int]:
    www = folder / "www"
    (www / "folder").mkdir(parents=True)
    (www / "small.txt").write_text("small")
    (www / "large.bin").write_bytes(BODY)
    (www / "text.html").write_text("<p>text</p>" * 10_000)
    with nginx(folder, NGINX.replace("WWW", str(www))) as port:
        yield port


async def ask(session: aiohttp.ClientSession, port: int, case: Case) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of a response; without what belongs to a connection or to a clock."""
    method, path, headers, body = case

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(BODY), 70_001):
            yield BODY[start : start + 70_001]

    url = f"http://127.0.0.1:{port}{path}"
    data: Any = chunks() if body is None else body or None
    async with session.request(
        method, URL(url, encoded=True), headers=headers, data=data, allow_redirects=False
    ) as response:
        left_out = {"date", "via", "connection", "keep-alive", "transfer-encoding"}
        fields = [(name, value) for name, value in response.headers.items() if name.lower() not in left_out]
        return response.status, fields, await response.read()


@pytest.mark.parametrize("name", ["aiohttp", "uvicorn", "node", "nginx"])
async def test_responses_are_the_same_as_without_the_proxy(name: str, serve: Serve, tmp_path: Path) -> None:
    servers = {"aiohttp": aiohttp_backend, "uvicorn": uvicorn_server, "node": node_server}
    starting = servers[name]() if name in servers else nginx_server(tmp_path)
    async with starting as port, aiohttp.ClientSession(auto_decompress=False) as session:
        site = await serve({"match": "^/(.*)", "url": f"http://127.0.0.1:{port}/$1", "preserve-host": True})
        for case in FILES if name == "nginx" else CASES:
            direct = await ask(session, port, case)
            for _ in range(2):
                same = await ask(session, site.server.port, case) == direct
                assert same, case[:2]  # without the megabyte that pytest would show
        many = await asyncio.gather(
            *(ask(session, site.server.port, case) for case in (FILES if name == "nginx" else CASES) * 3)
        )
        assert {status for status, _, _ in many} <= {200, 201, 204, 206, 301, 304, 404, 405, 416, 418, 500}
