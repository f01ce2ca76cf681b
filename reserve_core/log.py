"""The console log: one printable line for each thing that happened to a server and its requests."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias, TypeVar

from .console import Console, cut
from .events import Direct, Listenable
from .failures import describe
from .masking import without_secrets

if TYPE_CHECKING:
    from .events import Event
    from .explanation.trace import Trace, Tracer
    from .http import Request

logger: logging.Logger = logging.getLogger("reserve")
# Where Tornado logs failures of its handlers, to which it responds itself.
_LOGGERS = (logger, logging.getLogger("tornado.application"))

_RED, _YELLOW = "31", "33"

# Mappings that were passed over which are told one by one, before each step.
_PASSED = 20

# Bytes of a line for what a client has sent, so that there is room for what became of it.
_SUBJECT = 3900
# Bytes for the name of a user.
_NAME = 128


ListenableT = TypeVar("ListenableT", bound=Listenable)


def log(
    server: ListenableT, verbose: bool = False, stream: TextIO | None = None, colour: bool | None = None
) -> ListenableT:
    """Writes what happens to `server` to the console, and returns it.

    One line for each answered request, `SERVE GET /path 200 3 ms`, with ` by ada` behind it where a handler has put the
    name of a user into `request.state["user"]`; of a failure `ERROR GET /path`, and on a second line the reason, the
    place in the code and the mapping. `verbose` traces each step of a request by its id in hexadecimal, `(i)` marks
    those made by a handler:

        INCMG 0001 203.0.113.9 GET /path
        PASSD 0001 reserve.json:4 file: method GET, HEAD only
        RDRCT 0001 custom custom reserve.json:9
        SERVE 0001 200 3 ms

    with the mappings that were passed over, and where each one stands; also ABORT and ERROR, with the traceback of what
    failed in lines of their own, and CLOSE at the server's end. What the logger `reserve` is told goes the same way.

    Lines go to the standard output, errors to the standard error, or all to `stream`. They are coloured on a terminal
    unless the environment sets NO_COLOR; `colour` decides otherwise. Characters that aren't printable are escaped, so
    that no request can forge a line or steer the terminal. Secrets in URLs are shown as `***`: passwords, and the
    values of parameters whose names end with token, secret, password, api-key or signature.
    """
    out = Console(sys.stdout if stream is None else stream, colour)
    err = Console(sys.stderr if stream is None else stream, colour)
    handler = _Records(err, verbose)
    listeners = _verbose(out, err, server) if verbose else _concise(out, err)
    for name, listener in listeners.items():
        server.on(name, listener)
    for each in _LOGGERS:
        each.addHandler(handler)

    def closed(event: Event) -> None:
        if event.request is None:
            for each in _LOGGERS:
                each.removeHandler(handler)
            for console in (out, err):
                console.close()

    server.on("closed", closed)
    return server


class _Records(logging.Handler):
    """Writes the records of the loggers to a console."""

    def __init__(self, console: Console, verbose: bool) -> None:
        super().__init__()
        self._console = console
        self._verbose = verbose

    def emit(self, record: logging.LogRecord) -> None:
        if self is not self._first():
            return
        colour = _RED if record.levelno >= logging.ERROR else _YELLOW
        lines = [printable(without_secrets(line)) for line in record.getMessage().splitlines()] or [""]
        lines[1:] = [f"    {line}" for line in lines[1:]]
        lines[0] = f"{self._console.paint(record.levelname, colour)} {lines[0]}"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            lines += _traceback(error) if self._verbose else [_because(error)]
        self._console.write(*lines)

    def _first(self) -> logging.Handler:
        """Of several servers' logs to one stream, the one that writes the records."""
        stream = self._console.stream
        return next(
            handler
            for handler in logger.handlers
            if isinstance(handler, _Records) and handler._console.stream is stream
        )


Listeners: TypeAlias = "dict[str, Callable[[Event], None]]"


def _concise(out: Console, err: Console) -> Listeners:
    def error(event: Event) -> None:
        if event.request is None:
            err.write(f"{err.paint('ERROR', _RED)} {_reason(event.reason)}")
        else:
            mapping = event.request.mapping
            by = f", by {printable(mapping.label)}" if mapping is not None else ""
            err.write(f"{err.paint('ERROR', _RED)} {_subject(event)}", _because(event.reason) + by)

    def aborted(event: Event) -> None:
        if event.reason is not None:  # not the client's choice
            out.collect(f"{out.paint('ABORT', _YELLOW)} {_subject(event)} {_reason(event.reason)}")

    return {**_servers(out), "redirected": _Served(out), "error": error, "aborted": aborted}


class _Served(Direct):
    """Writes the line of each request that has its response."""

    __slots__ = ("_out",)

    def __init__(self, out: Console) -> None:
        self._out = out

    def __call__(self, event: Event) -> None:
        outcome = self._out.outcome(event.status, event.time_spent)
        self._out.collect(f"SERVE {_subject(event)} {outcome}{_user(event.request)}")

    def redirected(self, request: Request, url: str, status: int, time_spent: float) -> None:
        line = f"SERVE {_named(request.method, url)} {self._out.outcome(status, time_spent)}"
        # Most requests have no state, and pay for no call.
        self._out.collect(line if request._state is None else line + _user(request))


def _verbose(out: Console, err: Console, server: Listenable) -> Listeners:
    from .explanation.trace import Tracer

    steps = _Steps(out, Tracer(server))

    def incoming(event: Event) -> None:
        steps.begin(event)
        client = "" if event.request is None else event.request.client.address
        out.collect(f"INCMG {_id(event)}{printable(client)}{' ' if client else ''}{_subject(event)}")

    def redirecting(event: Event) -> None:
        steps.tell(event)
        mapping = None if event.request is None else event.request.mapping
        place = "" if mapping is None or mapping.file is None else f" {printable(mapping.place)}"
        out.collect(f"RDRCT {_id(event)}{event.type} {_target(event)}{place}")

    def redirected(event: Event) -> None:
        steps.end(event)
        out.collect(f"SERVE {_id(event)}{out.outcome(event.status, event.time_spent)}{_user(event.request)}")

    def aborted(event: Event) -> None:
        steps.end(event)
        reason = _reason(event.reason) if event.reason is not None else ""
        out.collect(f"{out.paint('ABORT', _YELLOW)} {_id(event)}{reason}".rstrip())

    def closed(event: Event) -> None:
        out.write(f"CLOSE {_id(event)}".rstrip())

    def error(event: Event) -> None:
        lines = [f"{err.paint('ERROR', _RED)} {_id(event)}{_reason(event.reason)}"]
        if isinstance(event.reason, BaseException):
            lines += _traceback(event.reason)
        err.write(*lines)

    return {
        **_servers(out),
        "incoming": incoming,
        "redirecting": redirecting,
        "redirected": redirected,
        "aborted": aborted,
        "closed": closed,
        "error": error,
    }


class _Steps:
    """Tells which mappings were passed over, and why, before each one that is applied."""

    def __init__(self, out: Console, tracer: Tracer) -> None:
        self._out = out
        self._tracer = tracer
        self._told: dict[int, tuple[Trace, int]] = {}  # by a request's number: its trace, and how many of its steps

    def begin(self, event: Event) -> None:
        if event.request is not None:
            self._told[event.id] = self._tracer.begin(event.request), 0

    def tell(self, event: Event) -> None:
        trace, told = self._told.get(event.id, (None, 0))
        if trace is None:
            return
        steps = trace.steps
        self._told[event.id] = trace, len(steps)
        passed = [step for step in steps[told:] if step.outcome == "passed-over"]
        for step in passed[:_PASSED]:
            self._out.collect(f"PASSD {_id(event)}{printable(f'{step.place} {step.prefix}: {step.text}')}")
        if len(passed) > _PASSED:
            self._out.collect(f"PASSD {_id(event)}and {len(passed) - _PASSED} more")

    def end(self, event: Event) -> None:
        self._told.pop(event.id, None)


def _servers(out: Console) -> Listeners:
    """The listeners to what happens to a server as a whole. Of one in several processes tells who started these."""

    def ready(event: Event) -> None:
        if not _is_worker(event):
            out.write(f"Server running at {printable(event.url)}")

    def reloaded(event: Event) -> None:
        if event.server is not None and not _is_worker(event):
            out.write(reload_line(len(event.server.configuration.mappings)))

    return {"ready": ready, "reloaded": reloaded}


def reload_line(count: int) -> str:
    """What is said once a configuration with so many mappings has been taken over."""
    return f"Reloaded: {count} mapping{'' if count == 1 else 's'}"


def _is_worker(event: Event) -> bool:
    return event.server is not None and event.server.configuration.checked.workers > 1


def _user(request: Request | None) -> str:
    """Who has sent a request, where a handler has found that out."""
    if request is None or request._state is None:  # the property would make one
        return ""
    user = request._state.get("user")
    return f" by {cut(printable(user), _NAME)}" if isinstance(user, str) else ""


def _subject(event: Event) -> str:
    return _named(event.method, event.url)


def _named(method: str, url: str) -> str:
    return cut(printable(f"{method} {without_secrets(url)}"), _SUBJECT)


def _id(event: Event) -> str:
    if event.request is None:
        return ""
    return f"{event.id:04X} (i) " if event.internal else f"{event.id:04X} "


def _target(event: Event) -> str:
    """The value a handler is given; its prefix when the value is no text."""
    value = str(event.redirect if isinstance(event.redirect, str | int) else event.type)
    mapping = None if event.request is None else event.request.mapping
    return printable(without_secrets(value if mapping is None else mapping.masked(value)))


def _because(reason: Any) -> str:
    return rf"\____ {_reason(reason)}"


def _reason(reason: Any) -> str:
    return printable(describe(reason) if isinstance(reason, BaseException) else str(reason))


def _traceback(error: BaseException) -> list[str]:
    lines = "".join(traceback.format_exception(error)).splitlines()
    return [f"    {printable(line)}" for line in lines]


def printable(text: str) -> str:
    """`text` with what can't be seen escaped as Python does: controls, format characters, fillers, odd spaces."""
    if text.isascii() and text.isprintable():
        return text
    escaped: str = _unseen().sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return escaped


@cache
def _unseen() -> Any:
    """The pattern of what `str.isprintable` refuses, and of what Unicode says is not displayed by default."""
    import regex  # Python's own engine knows no properties; only where it's needed

    return regex.compile(r"[\p{C}\p{Z}\p{DI}\u2800--[ ]]", regex.V1)
