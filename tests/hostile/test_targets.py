"""Odd targets and hosts through `url`: a canary server, which they all name, is never reached."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.hostile.peers import read_as

if TYPE_CHECKING:
    from tests.hostile.conftest import Score
    from tests.kit.upstream import Backend
    from tests.plugins.url.conftest import Serve, Upstream

# CANARY stands for the authority of the canary server, PORT for its port.
REFUSED = [
    b"@CANARY/x", b"user@CANARY", b":PORT/x", b":PORT", b".CANARY/", b"\\\\CANARY\\x", b"\\CANARY", b"foo:bar",
    b"javascript:alert(1)", b"CANARY", b"CANARY/x", b"localhost:PORT", b"x", b"..", b"../x", b"./x", b"?x", b"#x",
    b"*", b"**", b"http://CANARY", b"http://CANARY/", b"http://CANARY/x?y", b"HTTP://CANARY/x", b"https://CANARY/x",
    b"ftp://CANARY/x", b"ws://CANARY/x", b"file:///etc/passwd", b"gopher://CANARY/_x", b"http:/CANARY/x",
    b"http:CANARY/x", b"http:///CANARY/x", b"http://", b"http://:PORT/", b"http://HOST@CANARY/x",
    b"http://HOST:80@CANARY/x", b"http://CANARY@HOST/x", b"http://HOST\\@CANARY/x", b"http://HOST%40CANARY/x",
    b"http://HOST#@CANARY/x", b"http://HOST.CANARY/x", b"http://HOST:PORT/x", b"http://[::1]:PORT/x", b"://CANARY/x",
    b"/x#y", b"/#@CANARY/", b"/x?y#@CANARY", b"/\x00", b"/\x7f", b"/\xe2\x80\xae", b"/%00", b"/%0d%0aHost:%20CANARY",
    b"/%0aX", b"/%", b"/%4", b"/%zz", b"/?%zz", b"%2fx", b"%2f%2fCANARY/x",
]  # fmt: skip
# Paths of the site, whatever they look like.
PATHS = [
    b"/", b"//CANARY/x", b"///CANARY/x", b"/\\CANARY/x", b"/\\\\CANARY/x", b"/@CANARY/x", b"/:PORT/x", b"/.CANARY/",
    b"/http://CANARY/x", b"/%2fCANARY/x", b"/%2f%2fCANARY/x", b"/%40CANARY/x", b"/%3aPORT/x", b"/%5c%5cCANARY/x",
    b"/..//CANARY/x", b"/%2e%2e//CANARY/x", b"/..;/x", b"/x%23@CANARY", b"/x%3f@CANARY",
    b"/x?u=http://CANARY/&v=@CANARY", b"/x%20HTTP/1.1", b"/x%ff%fe", b"http://HOST/x", b"http://HOST",
    b"http://HOST?x=@CANARY", b"http://HOST//CANARY/x",
]  # fmt: skip
BAD_HOSTS = [
    b"a b", b"HOST@CANARY", b"CANARY/x", b"CANARY?x", b"CANARY#x", b"CANARY\\x", b"http://CANARY", b"HOST, CANARY",
    b"HOST,CANARY:1", b"HOST:PORT:PORT", b"HOST:99999", b"HOST:-1", b"HOST:x", b"[::1", b"::1", b"[::1]x", b'"CANARY"',
    b"\xe2\x98\x83", b"HOST\r\nHost: CANARY", b"HOST\r\n Host: CANARY", b"HOST\0", b".", b"..", b"..HOST", b".HOST",
    b"a..b", b"[.]", b"[:::]",
]  # fmt: skip
# What a host may be called says nothing of where a mapping leads.
HOSTS = [b"CANARY", b"localhost:PORT", b"[::1]:PORT", b"", b"127.0.0.1", b"metadata.internal", b"a.", b"a%2eb", b"A_B"]


def mappings(backend: Backend) -> list[dict[str, Any]]:
    return [
        {"match": "^/(.*)", "url": f"{backend.url}/$1"},
        {"match": "(.*)", "url": f"{backend.url}$1"},
        {"match": "(?s).*", "url": f"{backend.url}$0"},
        {"match": "^/?(.*)", "url": f"{backend.url}/base/$1", "preserve-host": True},
    ]


async def test_odd_targets_and_hosts(serve: Serve, upstream: Upstream, score: Score) -> None:
    backend, canary = await upstream(), await upstream()
    names = {b"CANARY": canary.authority.encode(), b"PORT": b"%d" % canary.port, b"HOST": b"site.example"}
    cases: list[tuple[bytes, bytes, set[int]]] = [(target, b"HOST", {400}) for target in REFUSED]
    cases += [(b"/x", host, {400}) for host in BAD_HOSTS]
    cases += [(target, b"HOST", {200, 400}) for target in PATHS]
    cases += [(b"/x", host, {200}) for host in HOSTS]
    wrong: list[tuple[bytes, object]] = []
    tried = 0
    for mapping in mappings(backend):
        site = await serve(mapping)
        kept = "preserve-host" in mapping
        for target, host, statuses in cases:
            line = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (target, host)
            data = re.sub(b"CANARY|PORT|HOST", lambda name: names[name[0]], line)
            backend.requests.clear()
            found = (await read_as(site.server.port, data)).statuses
            tried += 1
            if len(found) != 1 or found[0] not in statuses or len(backend.requests) != (found[0] == 200):
                wrong.append((data, found))
            for request in backend.requests:
                hosts = request.headers.getall("host")
                if len(hosts) != 1 or (host and kept == (hosts[0] == backend.authority)):
                    wrong.append((data, hosts))
        assert site.named("error") == []
    score(
        f"{tried} requests ({len(REFUSED) + len(PATHS)} targets, {len(BAD_HOSTS) + len(HOSTS)} hosts, 4 mappings): "
        f"{len(wrong)} handled otherwise, the canary reached {canary.connections} times"
    )
    assert wrong == []
    assert canary.connections == 0
