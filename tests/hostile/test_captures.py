"""What clients put into captures: the upstream URL keeps the authority, the query and the path its author gave it."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from tests.hostile.peers import read_as

if TYPE_CHECKING:
    from tests.hostile.conftest import Scale, Score
    from tests.plugins.url.conftest import Serve, Upstream

# The author's URL behind the backend's, and what the target that goes up has to be.
MAPPINGS = {
    "$1": r"/.*",
    "/base$1": r"/base.*",
    "/base/$1": r"/base/.*",
    "/base/$1/end": r"/base/[^?]*/end(\?.*)?",
    "/base/$1?key=1": r"/base/[^?]*\?key=1",
    "/base?a=1&b=$1&c=2": r"/base\?a=1&b=[^&;=?+]*&c=2",
    "/base?$1": r"/base\?.*",
}
CAPTURES = [
    "@evil/x", "user:password@evil/", ":1234/x", ".evil/", "-evil", "\\\\evil\\x", "//evil/x", "%40evil", "%3a1234",
    "%2eevil", "%5c%5cevil", "%2f%2fevil", "%3fkey=2", "?key=2", "?key=2&key=1", "%26key=2", "&key=2", ";key=2",
    "%3bkey=2", "+key", "%23", "%23fragment", "%2523", "%25%32%33", "%2f..%2f", "/..%2f..%2fsecret",
    "%2f%2e%2e%2fsecret", "..%2fsecret", "..%5csecret", "%2e%2e%5csecret", "/..;/secret", "..;a=b/secret",
    "/.%2e/.%2e/secret", "/%252e%252e/secret", "%20HTTP/1.1", "%20HTTP/1.1%0d%0aHost:%20evil",
    "?%20HTTP/1.1%0d%0aHost:%20evil%0d%0a%0d%0aGET%20/evil%20HTTP/1.1", "?%0d%0aX: y", "?%0aX:%20y", "?%0d", "?%00",
    "%09", "?%09", "%c0%ae%c0%ae/", "%e2%80%ae", "%ff", "?%ff", "$1", "$$1", "%24%31", "{0.__class__}", "%7b%7d",
    "[::1]", "%5b%3a%3a1%5d", "|x", "?a|b", '"<>`{}^',
]  # fmt: skip
PIECES = [
    *"ab/.@:;&=?+$#\\|-_ ", "%2f", "%2F", "%2e", "%3f", "%23", "%25", "%40", "%0d%0a", "%00", "%20", "%5c", "%26",
    "..", "../", "%2e%2e", "é", "%c3%a9", "%ff", "evil", "key=2", "http://",
]  # fmt: skip


def climbs(target: str) -> bool:
    """Whether any server could take a part of the target's path for a step up: one that decodes slashes, takes
    backslashes for them, or cuts off path parameters."""
    path = target.partition("?")[0].lower().replace("%2e", ".").replace("%3b", ";")
    return any(segment.partition(";")[0] == ".." for segment in re.split(r"[/\\]|%2f|%5c", path))


async def test_captures(serve: Serve, upstream: Upstream, score: Score, scale: Scale) -> None:
    backend, canary = await upstream(), await upstream()
    chosen = random.Random(9110)
    captures = [*CAPTURES, *("".join(chosen.choices(PIECES, k=chosen.randint(1, 8))) for _ in range(scale(50, 1000)))]
    wrong: list[tuple[str, object]] = []
    refused = 0
    for value, shape in MAPPINGS.items():
        site = await serve({"match": "(?s)^/path(.*)", "url": f"{backend.url}{value}"})
        for capture in captures:
            target = f"/path{capture}".replace("1234", str(canary.port)).replace("evil", canary.authority)
            data = b"GET %b HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n\r\n" % target.encode()
            backend.requests.clear()
            found = (await read_as(site.server.port, data)).statuses
            refused += found == (400,)
            ended = [(200,)] if backend.requests else [(400,), (501,), (505,)]  # 501: the path left the mapping
            if found not in ended or len(backend.requests) > 1:
                wrong.append((target, found))
            wrong += [
                (f"{value} {target}", request.first_line)
                for request in backend.requests
                if not re.fullmatch("GET [!-~]+ HTTP/1.1", request.first_line)
                or not re.fullmatch(shape, request.target)
                or "#" in request.target
                or climbs(request.target)
                or request.headers.getall("host") != [backend.authority]
            ]
        assert site.named("error") == []
    score(
        f"{len(captures)} captures in {len(MAPPINGS)} URLs, {refused} refused: "
        f"{len(wrong)} changed what is the author's, the canary reached {canary.connections} times"
    )
    assert wrong == []
    assert canary.connections == 0
