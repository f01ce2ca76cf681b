"""The console log: its lines, where they go, and what can't be done to them."""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, TextIO

import pytest

from reserve_core.events import Emitter, Event
from reserve_core.http import Request
from reserve_core.log import log
from reserve_core.mock import mock
from reserve_core.networks import Networks

logger = logging.getLogger("reserve")


@pytest.fixture
def emitter() -> Iterator[Emitter]:
    emitter = Emitter()
    yield emitter
    emitter.emit(Event("closed"))
    assert not [handler for handler in logger.handlers if type(handler).__module__ == "reserve_core.log"]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def request(method: str = "GET", url: str = "/path", internal: bool = False, id: int = 1) -> Request:  # noqa: A002
    made = Request(method, url, internal=internal)
    made.id = id
    return made


def event(name: str, about: Request | None = None, **values: Any) -> Event:
    about = about or request()
    return Event.of_request(name, about, about.url, 0.0, **values)


def failure(text: str = "boom") -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


# Where that raises.
PLACE = f" (test_log.py:{failure.__code__.co_firstlineno + 2} in failure)"


def lines(stream: io.StringIO) -> list[str]:
    written = stream.getvalue()
    assert written.endswith("\n")
    return written[:-1].split("\n")


def test_it_returns_what_it_listens_to(emitter: Emitter, stream: io.StringIO) -> None:
    assert log(emitter, stream=stream) is emitter


def test_a_line_for_each_answered_request(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, stream=stream)
    emitter.emit(Event("ready", url="http://127.0.0.1:5000/", port=5000))
    emitter.emit(event("incoming"))
    emitter.emit(event("redirecting", type="custom", redirect="./api.py"))
    emitter.emit(event("redirected", request("GET", "/a?b=c"), status=200, time_spent=2.1))
    emitter.emit(event("redirected", request("POST", "/é", internal=True), status=404, time_spent=1500.0))
    emitter.emit(event("aborted"))
    assert lines(stream) == [
        "Server running at http://127.0.0.1:5000/",
        "SERVE GET /a?b=c 200 3 ms",
        "SERVE POST /é 404 1500 ms",
    ]


def test_an_error_and_its_reason(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, stream=stream)
    emitter.emit(event("error", reason=failure()))
    emitter.emit(event("error", reason=KeyError()))
    emitter.emit(Event("error", reason=OSError("no more files")))
    assert lines(stream) == [
        "ERROR GET /path",
        rf"\____ ValueError: boom{PLACE}",
        "ERROR GET /path",
        r"\____ KeyError",
        "ERROR OSError: no more files",
    ]


async def test_an_error_names_its_mapping(emitter: Emitter, stream: io.StringIO) -> None:
    site = await mock({"mappings": [{"match": "^/(.*)", "status": 404}]})
    about = request()
    about.mapping = site.configuration.mappings[0]
    log(emitter, stream=stream)
    emitter.emit(event("error", about, reason=TypeError("A handler returned 1.5")))
    assert lines(stream) == ["ERROR GET /path", r"\____ TypeError: A handler returned 1.5, by mapping 1 (^/(.*))"]


def test_tornados_failures_and_secrets_in_what_is_told(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, stream=stream)
    logging.getLogger("tornado.application").error("Uncaught exception GET /?token=SECRET", exc_info=failure())
    assert lines(stream) == ["ERROR Uncaught exception GET /?token=***", rf"\____ ValueError: boom{PLACE}"]
    emitter.emit(Event("closed"))


def test_the_trace_of_a_request(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, verbose=True, stream=stream)
    outer, inner = request(id=0x1F), request("GET", "/inner", internal=True, id=0x12345)
    emitter.emit(Event("ready", url="http://127.0.0.1:5000/", port=5000))
    emitter.emit(event("incoming", outer))
    emitter.emit(event("redirecting", outer, type="custom", redirect=print))
    emitter.emit(event("incoming", inner))
    emitter.emit(event("redirecting", inner, type="file", redirect="./www/inner"))
    emitter.emit(event("redirected", inner, status=200, time_spent=0.2))
    emitter.emit(event("redirecting", outer, type="status", redirect=404))
    emitter.emit(event("redirected", outer, status=404, time_spent=1.2))
    emitter.emit(event("closed", outer))
    emitter.emit(event("aborted", request(id=0x20)))
    emitter.emit(event("aborted", request(id=0x21, internal=True)))
    emitter.emit(Event("closed"))
    assert lines(stream) == [
        "Server running at http://127.0.0.1:5000/",
        "INCMG 001F GET /path",
        "RDRCT 001F custom custom",
        "INCMG 12345 (i) GET /inner",
        "RDRCT 12345 (i) file ./www/inner",
        "SERVE 12345 (i) 200 1 ms",
        "RDRCT 001F status 404",
        "SERVE 001F 404 2 ms",
        "CLOSE 001F",
        "ABORT 0020",
        "ABORT 0021 (i)",
        "CLOSE",
    ]


def test_the_trace_names_the_client(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, verbose=True, stream=stream)
    about = Request("GET", "/path", {"x-forwarded-for": "203.0.113.9"}, peer=("10.0.0.1", 4711))
    about.id = 1
    emitter.emit(event("incoming", about))
    about.table = SimpleNamespace(trusted_proxies=Networks(["10.0.0.0/8"]))  # type: ignore[assignment]
    emitter.emit(event("incoming", about))
    assert lines(stream) == ["INCMG 0001 10.0.0.1 GET /path", "INCMG 0001 203.0.113.9 GET /path"]


def test_the_trace_of_an_error(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, verbose=True, stream=stream)
    emitter.emit(event("error", reason=failure("bad\nGET /forged 200 1 ms")))
    first, *rest = lines(stream)
    assert first == f"ERROR 0001 ValueError: bad GET /forged 200 1 ms{PLACE}"
    assert rest[0] == "    Traceback (most recent call last):"
    assert any("test_log.py" in line for line in rest)
    assert all(line.startswith("    ") for line in rest)


HOSTILE = {
    "line break": "/a\r\nSERVE GET /forged 200 1 ms",
    "escape": "/\x1b[2J\x1b]0;title\x07",
    "C1": "/\x9b2J\x85",
    "separators": "/\u2028\u2029\u000b\x1c",
    "bidi": "/\u202etxt.exe\u2066\u200f\u061c",
    "invisible": "/\u200b\ufeff\xad\U000e0041",
    "invisible, and printable for Python": "/\u3164\u115f\ufe0f\u034f\u2800\U000e0100",
    "surrogate": "/\udc80",
    "NUL and DEL": "/\0\x7f",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("verbose", [False, True])
def test_no_value_forges_a_line_or_steers_the_terminal(
    emitter: Emitter, stream: io.StringIO, text: str, verbose: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", False)  # pytest-xdist can't carry a captured lone surrogate
    log(emitter, verbose, stream)
    bad = request(text, text)
    emitter.emit(Event("ready", url=text))
    emitter.emit(event("incoming", bad))
    emitter.emit(event("redirecting", bad, type="url", redirect=text))
    emitter.emit(event("redirected", bad, status=200))
    emitter.emit(event("error", bad, reason=failure(text)))
    emitter.emit(Event("error", reason=failure(text)))
    logger.error("It failed: %s", text)
    logger.error("It failed", exc_info=failure(text))
    for line in lines(stream):
        assert line.isprintable()
        assert not any(char in line for char in HOSTILE["invisible, and printable for Python"][1:])
        assert line.startswith(("SERVE /", "SERVE 0001", "INCMG", "RDRCT", "ERROR", "Server running", "\\____", "    "))
        assert not line.startswith("SERVE GET /forged")


def test_letters_of_all_scripts_stay(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, stream=stream)
    emitter.emit(event("redirected", request("GET", "/été/漢字/😀"), status=200, time_spent=1.0))
    assert lines(stream) == ["SERVE GET /été/漢字/😀 200 1 ms"]


def test_a_password_in_a_url_is_not_logged(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, verbose=True, stream=stream)
    emitter.emit(event("redirecting", type="url", redirect="http://user:secret@127.0.0.1/a@b"))
    assert lines(stream) == ["RDRCT 0001 url http://***@127.0.0.1/a@b"]


def test_errors_go_to_the_standard_error(emitter: Emitter, capsys: pytest.CaptureFixture[str]) -> None:
    log(emitter)
    emitter.emit(Event("ready", url="http://127.0.0.1:5000/"))
    emitter.emit(event("redirected", status=500, time_spent=1.0))
    emitter.emit(event("error", reason=failure()))
    logger.warning("careful")
    written = capsys.readouterr()
    assert written.out == "Server running at http://127.0.0.1:5000/\nSERVE GET /path 500 1 ms\n"
    assert written.err == f"ERROR GET /path\n\\____ ValueError: boom{PLACE}\nWARNING careful\n"


def test_colours_on_a_terminal(emitter: Emitter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    log(emitter, stream=terminal)
    emitter.emit(event("redirected", status=200, time_spent=1.0))
    emitter.emit(event("redirected", status=999, time_spent=1.0))
    emitter.emit(event("error", reason=failure()))
    assert lines(terminal) == [
        "SERVE GET /path \x1b[32m200\x1b[0m 1 ms",
        "SERVE GET /path 999 1 ms",
        "\x1b[31mERROR\x1b[0m GET /path",
        rf"\____ ValueError: boom{PLACE}",
    ]


@pytest.mark.parametrize(
    ("environment", "colour", "coloured"),
    [
        ({"TERM": "xterm"}, None, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, None, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, None, False),
        ({"TERM": "dumb"}, None, False),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, True),
    ],
)
def test_when_there_are_colours(
    emitter: Emitter, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colour: bool | None, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    log(emitter, stream=terminal, colour=colour)
    emitter.emit(event("redirected", status=200, time_spent=1.0))
    assert ("\x1b" in terminal.getvalue()) is coloured


def test_the_logger_reaches_the_console(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, stream=stream)
    logger.error("%s can't be used:\nmend it", "api.py")
    logger.error("It failed", exc_info=failure())
    logger.debug("not this")
    assert lines(stream) == [
        "ERROR api.py can't be used:",
        "    mend it",
        "ERROR It failed",
        rf"\____ ValueError: boom{PLACE}",
    ]


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/?token=SECRET", "/?token=***"),
        ("/a?b=c&access_token=SECRET&d=e", "/a?b=c&access_token=***&d=e"),
        ("/a?X-Amz-Signature=SECRET;API-Key=SECRET", "/a?X-Amz-Signature=***;API-Key=***"),
        ("/proxy/http://me:SECRET@host/?client.secret=SECRET", "/proxy/http://***@host/?client.secret=***"),
        ("/token=kept?tokens=kept&password=", "/token=kept?tokens=kept&password="),
    ],
)
def test_secrets_in_a_url_are_not_written(
    emitter: Emitter, stream: io.StringIO, url: str, shown: str, verbose: bool
) -> None:
    log(emitter, verbose=verbose, stream=stream)
    emitter.emit(event("incoming", request(url=url)))
    emitter.emit(event("redirecting", request(url=url), type="url", redirect=url))
    emitter.emit(event("redirected", request(url=url), status=200, time_spent=1.0))
    emitter.emit(event("error", request(url=url), reason=failure()))
    assert f" {shown}" in stream.getvalue()
    assert "SECRET" not in stream.getvalue()


def test_the_logger_with_its_traceback(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, verbose=True, stream=stream)
    logger.error("It failed", exc_info=failure())
    first, *rest = lines(stream)
    assert first == "ERROR It failed"
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-1] == "    ValueError: boom"


def test_the_logger_writes_once_for_several_servers(emitter: Emitter, stream: io.StringIO) -> None:
    other = Emitter()
    log(emitter, stream=stream)
    log(other, stream=stream)
    logger.error("once")
    assert lines(stream) == ["ERROR once"]
    emitter.emit(Event("closed"))
    logger.error("again")
    assert lines(stream) == ["ERROR once", "ERROR again"]
    other.emit(Event("closed"))


def test_a_closed_server_lets_the_logger_go(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, stream=stream)
    emitter.emit(Event("closed"))
    logger.error("late")
    assert stream.getvalue() == ""


def test_each_line_is_there_at_once(emitter: Emitter) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb", buffering=0) as reader, os.fdopen(write, "w", encoding="utf-8") as stream:
        log(emitter, stream=stream)
        emitter.emit(event("redirected", status=200, time_spent=1.0))
        assert reader.read(1000) == b"SERVE GET /path 200 1 ms\n"
        emitter.emit(event("error", reason=failure()))
        assert reader.read(1000).decode() == f"ERROR GET /path\n\\____ ValueError: boom{PLACE}\n"


def test_a_broken_pipe_breaks_nothing(emitter: Emitter, caplog: pytest.LogCaptureFixture) -> None:
    read, write = os.pipe()
    os.close(read)
    stream: TextIO = os.fdopen(write, "w", encoding="utf-8")
    log(emitter, stream=stream)
    for _ in range(3):
        emitter.emit(event("redirected", status=200, time_spent=1.0))
    assert caplog.records == []  # the emitter would log a listener that raises
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_closed_file_breaks_nothing(emitter: Emitter, stream: io.StringIO, caplog: pytest.LogCaptureFixture) -> None:
    log(emitter, stream=stream)
    stream.close()
    emitter.emit(event("redirected", status=200, time_spent=1.0))
    assert caplog.records == []


def test_a_stream_that_lacks_a_character_gets_it_escaped(emitter: Emitter) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    log(emitter, stream=stream)
    emitter.emit(event("redirected", request("GET", "/é"), status=200, time_spent=1.0))
    assert written.getvalue() == b"SERVE GET /\\xe9 200 1 ms\n"


def test_a_long_line_is_cut_so_that_a_pipe_takes_it_whole(emitter: Emitter, stream: io.StringIO) -> None:
    log(emitter, stream=stream)
    for character in "aé€😀":
        stream.seek(0)
        stream.truncate()
        emitter.emit(event("redirected", request(url=f"/{character * 5000}"), status=200))
        (line,) = lines(stream)
        assert 3900 < len(line.encode()) < 4096
        assert re.fullmatch(rf"SERVE GET /{character}{{900,}}… 200 \d+ ms", line)


def test_many_lines_are_written_in_pieces_that_a_pipe_takes_whole(emitter: Emitter) -> None:
    pieces: list[str] = []

    class Pipe(io.StringIO):
        def write(self, text: str) -> int:
            pieces.append(text)
            return len(text)

    log(emitter, stream=Pipe())
    logger.error("\n".join("x" * 700 for _ in range(20)))
    assert len(pieces) > 1
    assert all(piece.endswith("\n") and len(piece) <= 4096 for piece in pieces)
    assert "".join(pieces).count("x" * 700) == 20
