"""How a listener keeps its place when a mirror loses requests while it catches up."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from reserve_mirror.conditions import RequestConditions
from reserve_mirror.json_shapes import MirrorMessage
from reserve_mirror.listen.cursor_file import Cursor, CursorFile, UnusableFile
from reserve_mirror.listen.delivery import Delivery
from reserve_mirror.listen.forwarder import Forwarder
from reserve_mirror.listen.listen_report import ListenReport
from reserve_mirror.listen.listener import MirrorListener
from reserve_mirror.listen.mirror_api import MirrorAPI, MirrorAway
from reserve_mirror.sending.outgoing_request import target_url
from tests.kit.hook_target import HookTarget

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def mirror(received: int, newest: str) -> Any:
    return {"created": "1", "received": received, "count": 1, "newest": newest}


def request(number: int) -> Any:
    path = f"/{number}"
    url = f"http://mirror.example/r/orders{path}"
    summary = {"id": f"{number}-0", "time": "", "method": "GET", "path": path, "url": url, "headers": [], "query": []}
    return {"type": "request", "request": {**summary, "size": 0, "sha256": EMPTY, "truncated": False}}


class ScriptedMirror:
    """A mirror that says what it is told to, keeps no response, and doesn't respond any more in the end."""

    def __init__(self, state: Any, messages: list[Any]) -> None:
        self._states = [state]
        self._messages = messages

    async def mirror(self) -> Any:
        if not self._states:
            raise MirrorAway("that was all")
        return self._states.pop()

    async def follow(self, after: str) -> AsyncGenerator[MirrorMessage, None]:
        for message in self._messages:
            yield cast("MirrorMessage", message)

    async def keep_response(self, *_: Any) -> None:
        raise MirrorAway("it responds with 403")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CursorFile]:
    file = CursorFile(tmp_path / "state.json", "http://mirror.example/api/mirrors/orders", "http://localhost", [])
    with file.opened():
        yield file


async def listen(file: CursorFile, target: HookTarget, state: Any, *messages: Any) -> None:
    """Takes these messages of a mirror in, and then it is away."""
    delivery = Delivery(target_url(target.url), 60, None, lambda _: False)
    api = cast("MirrorAPI", ScriptedMirror(state, list(messages)))
    forwarder = Forwarder(api, delivery, ListenReport("", as_json=True), RequestConditions())
    listener = MirrorListener(forwarder, file, None)
    with pytest.raises(MirrorAway):
        await listener.run(once=True)


async def test_what_was_dropped_while_it_catches_up_is_counted(
    file: CursorFile, target: HookTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    file.cursor = Cursor("1-0", "1", 1)
    # 2 to 4 are there in the beginning; 3 and 4 are dropped before their turn comes.
    hello = {"type": "hello", "mirror": mirror(4, "4-0")}
    await listen(file, target, mirror(9, "9-0"), hello, request(2), request(5), {"type": "updated"}, request(6))
    assert target.paths == ["/2", "/5", "/6"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["outcome"] for each in lines] == ["delivered", "lost", "delivered", "delivered"]
    assert lines[1]["count"] == 2
    assert (file.cursor.after, file.cursor.passed) == ("6-0", 6)


async def test_a_response_that_is_not_kept_is_no_obstacle(
    file: CursorFile, target: HookTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    file.cursor = Cursor("1-0", "1", 1)
    await listen(file, target, mirror(3, "9-0"), request(2), request(3))
    assert target.paths == ["/2", "/3"]
    told = capsys.readouterr().err
    assert told.count("The mirror doesn't keep the responses: it responds with 403\n") == 1


def test_a_cursor_that_cannot_be_kept_is_told(file: CursorFile) -> None:
    file.path = file.path / "below"
    with pytest.raises(UnusableFile, match=r"can't be used: .* Name another one by --state"):
        file.save()
