"""Scripts in all that a request can hold: what stored content is checked with."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from tests.kit.client import Headers
    from tests.kit.mirrors import Mirror

# A script that would be noticed: conftest's pages note every call of alert.
RUN = "alert(1)"
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"<SCRIPT/x>{RUN}</SCRIPT >",
    f"</script><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"</noscript><script>{RUN}</script>",
    f"</template><script>{RUN}</script>",
    f"</pre></table></details><script>{RUN}</script>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<script src=data:text/javascript,{RUN}></script>",
    "<script src='data:;base64,YWxlcnQoMSk='></script>",
    f"<script type=module>{RUN}</script>",
    "<script src=//127.0.0.2/x.js></script>",
    f"<img src=x onerror={RUN}>",
    f"<img src=x onerror='{RUN}'//>",
    f'"><img src=x onerror={RUN}>',
    f"'><img src=x onerror={RUN}>",
    f"`><img src=x onerror={RUN}>",
    f"<img/src=`x`onerror={RUN}>",
    f"<image src=x onerror={RUN}>",
    f"<img srcset=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><a xlink:href='javascript:{RUN}'><text>x</text></a></svg>",
    f"<svg><use href='data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><script>{RUN}</script></svg>#x'>",
    f"<svg><foreignObject><iframe srcdoc='<script>{RUN}</script>'></svg>",
    f"<math><mtext><script>{RUN}</script></mtext></math>",
    f"<math><a xlink:href=javascript:{RUN}>x</a></math>",
    f"<iframe src=javascript:{RUN}></iframe>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    "<iframe src=//127.0.0.2/></iframe>",
    f"<object data=javascript:{RUN}></object>",
    f"<embed src=javascript:{RUN}>",
    f"<form action=javascript:{RUN}><button autofocus>x</button></form>",
    f"<button formaction=javascript:{RUN}>x</button>",
    f"<input autofocus onfocus={RUN}>",
    f"<select autofocus onfocus={RUN}>",
    f"<textarea autofocus onfocus={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<dialog open onclose={RUN}>",
    f"<video src=x onerror={RUN}></video>",
    f"<video><source onerror={RUN}></video>",
    f"<audio src=x onerror={RUN}>",
    f"<body onload={RUN}>",
    f"<body onpageshow={RUN}>",
    f"<marquee onstart={RUN}>",
    f"<div style=animation-name:arrive onanimationstart={RUN}>",
    f"<p style='position:fixed;inset:0' onpointerover={RUN}>",
    f"<a href=javascript:{RUN} id=list>x</a>",
    f"javascript:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    "<base href=//127.0.0.2/>",
    "<meta http-equiv=refresh content='0;url=//127.0.0.2/'>",
    f"<meta http-equiv=refresh content='0;javascript:{RUN}'>",
    "<link rel=stylesheet href=//127.0.0.2/x.css>",
    f"<style>@import '//127.0.0.2/x.css';</style><style onload={RUN}>",
    f"<template><script>{RUN}</script></template>",
    f"<x onclick={RUN} tabindex=1 autofocus onfocus={RUN}>",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"${{{RUN}}}",
    f"';{RUN}//",
    f'";{RUN}//',
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-",
    '{"__proto__": {"textContent": "x"}, "constructor": {"prototype": {"polluted": true}}}',
    f"<!--<img src='--><img src=x onerror={RUN}>",
    f"<!ENTITY x SYSTEM 'http://127.0.0.2/'><script>{RUN}</script>",
]
TOKEN = "!#$%&'*+-.^_`|~"  # the most hostile a header name can be


def bodies(payload: str) -> Iterator[tuple[str, bytes]]:
    """The payload in bodies of every kind, with their types."""
    data = payload.encode()
    quoted = payload.replace("\\", "\\\\").replace('"', '\\"')
    yield "text/html", data
    yield "text/html; charset=utf-7", data
    yield payload, data
    yield "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg">' + data + b"</svg>"
    yield "image/png", data
    yield "application/json", json.dumps({payload: [payload, {payload: payload}]}, ensure_ascii=False).encode()
    yield "application/xml", f'<a b="{quote(payload, safe="<>/= ")}">{payload}<!--{payload}--></a>'.encode()
    yield "application/x-www-form-urlencoded", f"{quote(payload)}={quote(payload)}".encode()
    yield (
        "multipart/form-data; boundary=frontier",
        f'--frontier\r\nContent-Disposition: form-data; name="{quoted}"\r\n\r\n{payload}\r\n'
        f'--frontier\r\nContent-Disposition: form-data; name="{quoted}"; filename="{quoted}"\r\n'
        f"Content-Type: {payload}\r\n\r\n{payload}\r\n--frontier--\r\n".encode(),
    )


def headers(payload: str, content_type: str) -> Headers:
    binary = payload.encode().decode("latin-1")
    return [("Content-Type", content_type), (TOKEN, binary), ("Cookie", binary), ("User-Agent", binary)]


def send_all(send: Mirror, payloads: list[str]) -> int:
    """Captures each payload in every field of requests with bodies of every kind; returns how many."""
    count = 0
    for number, payload in enumerate(payloads):
        for kind, (content_type, body) in enumerate(bodies(payload)):
            if (number + kind) % 3 and kind not in (0, 5):
                continue  # every kind meets a third of the payloads; all meet HTML and JSON
            path = f"/{quote(payload)}?{quote(payload)}={quote(payload)}"
            fields = [*headers(payload, content_type)]
            if kind == 0:
                body, fields = gzip.compress(body), [*fields, ("Content-Encoding", "gzip")]
            send.send("POST", path, body, fields)
            count += 1
    return count
