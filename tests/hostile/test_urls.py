"""Every escape in every place: matched in its canonical form, handed on as it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.kit.upstream import Peer
    from tests.plugins.url.conftest import Serve, Upstream

ESCAPES = [f"%{code:{case}}" for code in range(128) for case in ("02x", "02X")]
# What clients leave as it is. A backslash is encoded on its way: some servers take it for a slash.
PLAIN = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in "#%\\"]
CONTROLS = {f"%{code:{case}}" for code in (*range(32), 127) for case in ("02x", "02X")}

# For each place of a capture: the path that matches, the URL's end in the configuration, and what has to go up of path
# and query.
PLACES = {
    "all": (r"(.*)", "$1", "/all{path}{query}"),
    "rest": (r"/rest/(.*)", "/base/$1", "/base{path}{query}"),
    "parts": (r"/parts/([^/?]*)(?P<more>/[^?]*)(.*)", "/$1$more$3", "{path}{query}"),
    "before": (r"/before(/.*)", "/v1$1/end", "/v1{path}/end{query}"),
    "twice": (r"/twice/([^?]*)(?:\?(.*))?", "/$1/$1?a=1&$2&z=2", "{path}{path}?a=1&{bare}&z=2"),
    "value": (r"/value/([^?]*)(?:\?.*)?", "/get?v=$1", "/get?v={parameter}"),
}


def places_of(piece: str) -> Iterable[tuple[str, str]]:
    """Paths and queries with `piece` somewhere in them."""
    if "?" not in piece:
        yield f"/a{piece}b/c", ""
        yield f"/a/x{piece}", "?d=e"
        yield f"/{piece}x/y{piece}z/", "?"
    yield "/a/b", f"?c={piece}"
    yield "/a/b", f"?{piece}&c[]={piece}{piece}d"


async def sent(peer: Peer, target: str) -> Any:
    return await peer.ask(f"GET {target} HTTP/1.1\r\nHost: site.example\r\n\r\n".encode())


def is_refused(path: str) -> bool:
    return any(control in path for control in CONTROLS)


async def test_through_url(serve: Serve, upstream: Upstream, score: Score, scale: Scale) -> None:
    backend = await upstream()
    mappings = [{"match": f"^{match}$", "url": f"{backend.url}{url}"} for match, url, _ in reversed(PLACES.values())]
    site = await serve(*mappings)
    peer = await site.connect()
    differ: list[tuple[str, str]] = []
    count = refused = 0
    for piece in [*ESCAPES, *PLAIN][:: scale(13, 1)]:
        for place, (_, _, wanted) in PLACES.items():
            for path, query in places_of(piece):
                count += 1
                backend.requests.clear()
                if is_refused(path):
                    refused += (await site.get(f"/{place}{path}{query}")).status == 400
                    assert backend.requests == []
                    continue
                answer = await sent(peer, f"/{place}{path}{query}")
                parameter = re.sub("[&+;=?]", lambda found: quote(found[0]), path[1:])
                expected = wanted.format(path=path, query=query, bare=query[1:], parameter=parameter)
                got = backend.requests[0].target if backend.requests else str(answer.status)
                if got != expected:
                    differ.append((expected, got))
    score(f"{count} URLs through url, {len(PLACES)} places of captures, {refused} refused: {len(differ)} differ")
    assert differ == []
    assert refused


async def test_to_applications_and_in_locations(serve: Serve, score: Score, scale: Scale) -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError("no lifespan")
        seen = scope["raw_path"] + b" " + scope["query_string"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": seen})

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        path = environ["REQUEST_URI"].partition("?")[0]
        return [f"{path} {environ['QUERY_STRING']}".encode("latin-1")]

    site = await serve(
        {"match": "^/asgi/", "use": asgi, "interface": "asgi"},
        {"match": "^/wsgi/", "use": wsgi, "interface": "wsgi"},
        {"match": "^/old(/.*)", "status": 308, "headers": {"Location": "/new$1"}},
    )
    peer = await site.connect()
    differ: list[tuple[str, str]] = []
    count = 0
    for piece in [*ESCAPES, *PLAIN][:: scale(13, 1)]:
        for path, query in places_of(piece):
            if is_refused(path):
                continue
            for place in ("asgi", "wsgi"):
                count += 1
                answer = await sent(peer, f"/{place}{path}{query}")
                expected = f"/{place}{path} {query[1:]}"
                if answer.body.decode("latin-1") != expected:
                    differ.append((expected, answer.body.decode("latin-1")))
            count += 1
            answer = await sent(peer, f"/old{path}{query}")
            expected = re.sub('["<>]+', lambda found: quote(found[0]), f"/new{path}{query}")
            if answer.headers["location"] != expected:
                differ.append((expected, answer.headers["location"]))
    score(f"{count} URLs to ASGI and WSGI applications and in the Location of a redirect: {len(differ)} differ")
    assert differ == []


async def test_no_spelling_passes_a_rule(serve: Serve, upstream: Upstream, score: Score) -> None:
    """Each character of a path, plain or escaped, meets the rule that was made for it and no other."""
    backend = await upstream()
    characters = [chr(code) for code in range(0x20, 0x7F) if chr(code) not in "/?#%"]

    site = await serve(
        *({"match": f"^/x{re.escape(character)}y", "custom": [str(i)]} for i, character in enumerate(characters)),
        {"match": "^/(.*)", "url": f"{backend.url}/$1"},
    )
    peer = await site.connect()
    wrong: list[tuple[str, bytes]] = []
    for index, character in enumerate(characters):
        for piece in {f"%{ord(character):02x}", f"%{ord(character):02X}", character} - {" "}:
            for target in (f"/x{piece}y", f"/a/../x{piece}y", f"/%2e/x{piece}%79?z"):
                answer = await sent(peer, target)
                if answer.body != str(index).encode():
                    wrong.append((target, answer.body))
    score(f"{len(characters)} characters in 3 spellings each: {len(wrong)} passed the rule made for them")
    assert wrong == []
    assert backend.connections == 0
