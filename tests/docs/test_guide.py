"""What the examples of the plugin guide promise beside what their own tests show: nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import websocket_connect

from reserve_core import ConfigError, serve
from tests.docs.pages import files
from tests.kit.waiting import until

TITLES = {"count": "State that survives a reload", "notes": "A shared connection", "room": "The server that runs it"}


def site(folder: Path, handler: str, *mappings: dict[str, Any]) -> dict[str, Any]:
    """A configuration of a handler of the guide."""
    file = folder / f"{handler}.py"
    file.write_text(files("plugins.md", TITLES[handler])[file.name])
    return {"port": 0, "handlers": {handler: str(file)}, "mappings": [*mappings, {"status": 404}]}


async def test_a_websocket_that_goes_along_keeps_no_former_mappings(tmp_path: Path) -> None:
    here = site(tmp_path, "room", {"match": "^/room$", "room": "hall"})
    async with await serve(here) as server:
        websocket = await websocket_connect(f"ws://127.0.0.1:{server.port}/room")
        for _ in range(5):
            await server.reload(here)
        await until(lambda: not server._former)
        await websocket.write_message("hello")
        assert await websocket.read_message() == "hello"
        websocket.close()


async def test_a_websocket_whose_room_is_gone_is_asked_to_come_again(tmp_path: Path) -> None:
    here = site(tmp_path, "room", {"match": "^/room$", "room": "hall"})
    async with await serve(here) as server:
        websocket = await websocket_connect(f"ws://127.0.0.1:{server.port}/room")
        await server.configuration.set_mappings([{"match": "^/room$", "room": "attic"}])
        assert await websocket.read_message() is None
        assert websocket.close_code == 1012
        websocket.close()
        await until(lambda: not server._former)


async def test_a_database_that_cannot_be_is_told_with_its_mapping(tmp_path: Path) -> None:
    here = site(tmp_path, "notes", {"notes": "list", "database": str(tmp_path / "no" / "such")})
    with pytest.raises(ConfigError, match=r'mapping 1: "database".*unable to open'):
        await serve(here)


async def test_a_count_ends_with_its_last_mapping(tmp_path: Path) -> None:
    here = site(tmp_path, "count", {"match": "^/count/(.*)", "count": "$1"})
    async with await serve(here) as server:
        for mappings in (here["mappings"], [{"status": 404}]):
            await server.configuration.set_mappings(mappings)
        await until(lambda: not server._former)
        assert server._shares._lives == {}
