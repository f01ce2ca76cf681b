"""The calls by curl that pages of mirrors show without what they print: each gives what the page says."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from reserve_core.testing import TestServer
from tests.docs.pages import PAGES
from tests.kit.client import ask
from tests.kit.hook_target import HookTarget, hook_target
from tests.kit.waiting import PATIENCE

SHOWN = ("http://127.0.0.1:5000/mirror/", "http://127.0.0.1:5000/")  # where mirrors are
SHOWN_TARGET = "http://localhost:3000"
PAID = '{"order": {"id": 43}}'

StartServer = Callable[[dict[str, Any]], TestServer]


@pytest.fixture
def target() -> Iterator[HookTarget]:
    with hook_target() as running:
        yield running


@pytest.fixture
def base(reserve_server: StartServer, target: HookTarget) -> str:
    """A server with mirrors, and the mirror of the calls with two requests in it."""
    mirror = {"match": "^(/.*)$", "mirror": "$1", "redis-url": None, "codes": ["orders"], "resend-to": [target.url]}
    base = f"http://127.0.0.1:{reserve_server({'mappings': [mirror]}).port}/"
    assert ask(f"{base}r/orders/paid", "POST", PAID).status == 200
    assert ask(f"{base}r/orders/other", "POST", "hello").status == 200
    return base


def call(page: str, part: str, base: str, target: HookTarget) -> list[str]:
    """The command of a page that has `part` in it, for the servers that run."""
    (text,) = (
        block.text
        for section in PAGES[page].values()
        for block in section.blocks
        if block.language == "text" and block.text.startswith("curl ") and part in block.text
    )
    for shown in SHOWN:
        text = text.replace(shown, base)
    text = text.replace(SHOWN_TARGET, target.url)
    return ["curl", "--silent", "--show-error", "--fail", *shlex.split(text)[1:]]


def printed(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout


def test_a_search_finds_what_was_paid(base: str, target: HookTarget) -> None:
    found = json.loads(printed(call("mirror.md", "q=path:/paid", base, target)))
    assert [request["path"] for request in found["requests"]] == ["/paid"]


def test_the_body_of_the_newest_is_exact(base: str, target: HookTarget) -> None:
    assert printed(call("mirror.md", "latest/body", base, target)) == "hello"


def test_a_request_is_sent_again(base: str, target: HookTarget) -> None:
    assert json.loads(printed(call("resend.md", "/resend", base, target)))["status"] == 200
    assert [request.line for request in target.requests] == ["POST /hook/other HTTP/1.1"]


def test_events_are_told_as_they_happen(base: str, target: HookTarget) -> None:
    with subprocess.Popen(call("mirror.md", "/events", base, target), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert '"hello"' in next(line for line in process.stdout if line.startswith("data: "))
        ask(f"{base}r/orders/now", "POST", "x")
        event = json.loads(next(line for line in process.stdout if line.startswith("data: ")).removeprefix("data: "))
        process.terminate()
    assert (event["type"], event["request"]["path"]) == ("request", "/now")
