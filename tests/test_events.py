"""The emitter: who is told what, and what a listener can't break."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest

from reserve_core import hookspecs
from reserve_core.events import NAMES, Direct, Emitter, Event
from reserve_core.http import Request


def test_a_listener_gets_the_events_of_its_name() -> None:
    emitter = Emitter()
    heard: list[Event] = []
    emitter.on("ready", heard.append)
    event = Event("ready", url="http://127.0.0.1:5000/", port=5000)
    emitter.emit(Event("created"))
    emitter.emit(event)
    assert heard == [event]
    assert (event.url, event.port) == ("http://127.0.0.1:5000/", 5000)


def test_a_star_gets_all_events() -> None:
    emitter = Emitter()
    heard: list[str] = []
    emitter.on("*", lambda event: heard.append(event.name))
    for name in NAMES:
        emitter.emit(Event(name))
    assert heard == list(NAMES)


def test_every_event_is_a_hook() -> None:
    assert all(hasattr(hookspecs, name) for name in NAMES)


def test_plugins_come_before_listeners_in_the_order_they_were_added() -> None:
    heard: list[str] = []
    emitter = Emitter({"ready": (lambda event: heard.append("first plugin"), lambda event: heard.append("second"))})
    emitter.on("ready", lambda event: heard.append("listener"))
    emitter.on("*", lambda event: heard.append("star"))
    emitter.emit(Event("ready"))
    assert heard == ["first plugin", "second", "listener", "star"]


def test_whether_anybody_listens_is_known_by_name() -> None:
    emitter = Emitter({"error": (lambda event: None,)})
    assert emitter.error
    assert not emitter.incoming
    emitter.on("incoming", lambda event: None)
    assert emitter.incoming
    assert not emitter.redirected


def test_a_listener_can_be_taken_back() -> None:
    emitter = Emitter()
    heard: list[str] = []

    def listener(event: Event) -> None:
        heard.append(event.name)

    off = emitter.on("*", listener)
    emitter.on("ready", listener)
    off()
    off()  # once is enough
    for name in NAMES:
        emitter.emit(Event(name))
    assert heard == ["ready"]
    assert not emitter.incoming


def test_a_listener_may_take_itself_back() -> None:
    emitter = Emitter()
    heard: list[str] = []

    def once(event: Event) -> None:
        heard.append("once")
        off()

    off = emitter.on("ready", once)
    emitter.on("ready", lambda event: heard.append("next"))
    emitter.emit(Event("ready"))
    emitter.emit(Event("ready"))
    assert heard == ["once", "next", "next"]


def test_a_listener_that_raises_is_logged_and_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    emitter = Emitter()
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise ValueError("no")

    emitter.on("incoming", broken)
    emitter.on("incoming", heard.append)
    emitter.emit(Event("incoming"))
    assert len(heard) == 1
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("reserve", logging.ERROR)
    assert "broken failed on the event incoming" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


class Teller(Direct):
    """Writes down what it's told, and how."""

    def __init__(self, told: list[Any]) -> None:
        self._told = told

    def __call__(self, event: Event) -> None:
        self._told.append(("event", event.request, event.url, event.status, event.time_spent))

    def redirected(self, request: Request, url: str, status: int, time_spent: float) -> None:
        self._told.append(("direct", request, url, status, time_spent))


def test_a_listener_that_needs_no_event_is_told_in_its_turn(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Any] = []

    def broken(event: Event) -> None:
        raise ValueError

    emitter = Emitter()
    for listener in (told.append, Teller(told), broken, told.append):
        emitter.on("redirected", listener)
    request = Request("GET", "/now")
    emitter.emit_redirected(request, "/came", 1000.5, 200, 500.0)
    first, second, third = told
    assert second == ("direct", request, "/came", 200, 500.0)
    assert first is third
    assert (first.name, first.request, first.url, first.status) == ("redirected", request, "/came", 200)
    assert (first.start, first.end, first.time_spent) == (1000.5, 1001.0, 500.0)
    (record,) = caplog.records
    assert "broken failed on the event redirected" in record.getMessage()


def test_a_listener_that_needs_no_event_takes_one() -> None:
    told: list[Any] = []
    request = Request("GET", "/now")
    emitter = Emitter()
    off = emitter.on("redirected", Teller(told))
    emitter.emit(Event.of_request("redirected", request, "/came", 0.0, status=404, time_spent=1.0))
    off()
    emitter.emit_redirected(request, "/came", 0.0, 404, 1.0)
    assert told == [("event", request, "/came", 404, 1.0)]


async def coroutine_function(event: Event) -> None: ...


class Awaitable:
    async def __call__(self, event: Event) -> None: ...

    async def method(self, event: Event) -> None: ...


@pytest.mark.parametrize(
    "listener",
    [coroutine_function, partial(coroutine_function), Awaitable(), Awaitable().method],
    ids=["function", "partial", "object", "method"],
)
def test_a_coroutine_function_is_refused(listener: object) -> None:
    emitter = Emitter()
    with pytest.raises(TypeError, match=r"is a coroutine function.*asyncio\.create_task"):
        emitter.on("ready", listener)  # type: ignore[arg-type]
    assert not emitter.ready


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="function of one event, not 42"):
        Emitter().on("ready", 42)  # type: ignore[arg-type]


def test_an_unknown_event_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ValueError, match="no event 'redirect': did you mean 'redirected'"):
        Emitter().on("redirect", lambda event: None)
    with pytest.raises(ValueError, match=r"use one of created, ready, .* or '\*' for all"):
        Emitter().on("zzz", lambda event: None)


def test_a_requests_event_knows_its_request() -> None:
    request = Request("GET", "/a b", {"x-a": "1"}, raw_target="/a%20b", internal=True)
    event = Event.of_request("redirected", request, request.url, 1000.5, end=1001.0, time_spent=500.0, status=200)
    request.url = "/other"  # an internal redirect
    assert (event.id, event.internal, event.method) == (request.id, True, "GET")
    assert (event.incoming_url, event.url) == ("/a%20b", "/a b")
    assert event.headers is not None
    assert event.headers["X-A"] == "1"
    assert (event.start, event.end, event.time_spent, event.status) == (1000.5, 1001.0, 500.0, 200)


def test_a_servers_event_has_no_request() -> None:
    event = Event("closed")
    assert (event.id, event.internal, event.method, event.incoming_url) == (0, False, "", "")
    assert event.headers is None
