"""The bytes of `compress` beside those of nginx, of the same files at the same level of gzip."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from reserve_core import Server
from tests.kit.client import ask
from tests.kit.nginx import nginx
from tests.plugins.compress.conftest import decoded

Served = Callable[..., Awaitable[Server]]

# From small to large: a style sheet, a script, a page of text, figures in JSON.
FILES = (
    "plugins/mirror/reserve_mirror/styles/bar.css",
    "plugins/mirror/reserve_mirror/static/mirror.js",
    "docs/configuration.md",
    "docs/benchmarks.json",
)
LEVELS = (1, 6, 9)


async def test_as_few_bytes_as_nginx_sends(served: Served, project: Path, tmp_path: Path) -> None:
    """Within 3 %."""
    gzip = "gzip on; gzip_types *;"
    locations = [f"location /{level}/ {{ alias {project}/; gzip_comp_level {level}; }}" for level in LEVELS]
    mappings = [
        {"match": f"^/{level}/", "compress": True, "codings": ["gzip"], "levels": {"gzip": level}} for level in LEVELS
    ]
    files = {"match": "^/[0-9]/(.*)", "file": f"{project}/$1"}
    ours = await served(*mappings, files)
    with nginx(tmp_path, f"{gzip} server {{ listen 127.0.0.1:PORT; {' '.join(locations)} }}") as port:
        for level in LEVELS:
            for name in FILES:
                sizes = [await _size(f"{url}{level}/{name}") for url in (ours.url, f"http://127.0.0.1:{port}/")]
                assert abs(sizes[0] - sizes[1]) <= 0.03 * sizes[1], (level, name)


async def _size(url: str) -> int:
    response = await asyncio.to_thread(ask, url, headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert decoded("gzip", response.body)
    return len(response.body)
