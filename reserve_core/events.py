"""The events of a server, and who listens to them."""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .http import Headers, Request
    from .server import Server

logger: logging.Logger = logging.getLogger("reserve")

NAMES = (
    *("created", "ready", "reloaded", "reload_failed", "incoming", "redirecting", "redirected", "error", "aborted"),
    *("refused", "closed"),
)


@dataclass(slots=True, eq=False)
class Event:
    """Something that happened to a server, or to one of its requests; then `request` is set.

    | name | set beside `name` |
    |---|---|
    | created, reloaded, closed | `server` |
    | reload_failed | `server`, `reason`: the exception, a `ConfigError` where the configuration is wrong |
    | ready | `server`, `url`, `port`: where it listens |
    | incoming, aborted | what every event of a request has: `request`, `url`, `start` |
    | aborted | and `reason`, a text, unless it is the client that went away |
    | redirecting | and `type`, the handler's prefix, `redirect`, the value it is given; see `decide` for the rest |
    | redirected | and `status`, `end`, `time_spent` |
    | error | and `reason`, the exception; without a request when the server as a whole has failed |
    | refused | `server`, `request` as far as it was received, `url`, `start`, `status`, `reason`: an `HTTPError` |

    `url` is the canonical URL, of `redirecting` the one that the mapping matched, of `refused` the target as it was
    sent, "" when it isn't known. `start` and `end` are seconds since
    the epoch (UTC, as `time.time()`), `time_spent` is in milliseconds. What isn't set is empty.
    """

    name: str
    server: Server | None = None
    request: Request | None = None
    url: str = ""
    port: int = 0
    start: float = 0.0
    type: str = ""
    redirect: Any = None
    status: int = 0
    end: float = 0.0
    time_spent: float = 0.0
    reason: Any = None
    result: object = None

    @classmethod
    def of_request(cls, name: str, request: Request, url: str, start: float, **values: Any) -> Event:
        """An event of `request`, which had this canonical `url` and came in at `start`."""
        return cls(name, None, request, url, 0, start, **values)

    def decide(self, result: object, status: int) -> None:
        """Of `redirecting`: the handler has returned `result`, and responded with `status`; 0: it hasn't.

        Who has kept the event finds `end` and `time_spent`, too.
        """
        self.end = time.time()
        self.time_spent = (self.end - self.start) * 1000
        self.result = result
        self.status = status

    @property
    def id(self) -> int:
        """The request's number in this process; 0 when the event is the server's."""
        return 0 if self.request is None else self.request.id

    @property
    def internal(self) -> bool:
        """Whether a handler made the request."""
        return self.request is not None and self.request.internal

    @property
    def method(self) -> str:
        """The request's method."""
        return "" if self.request is None else self.request.method

    @property
    def incoming_url(self) -> str:
        """The request target as the client sent it."""
        return "" if self.request is None else self.request.raw_target

    @property
    def headers(self) -> Headers | None:
        """The request's headers."""
        return None if self.request is None else self.request.headers


Listener = Callable[[Event], None]


class Listenable(Protocol):
    """What can be listened to: a server, an emitter."""

    def on(self, name: str, callback: Listener, /) -> Callable[[], None]: ...


class Direct:
    """A listener to `redirected` that needs no event: one for each request would cost more than what it's told.

    It's called with the event nevertheless where somebody has made one.
    """

    __slots__ = ()

    @abstractmethod
    def __call__(self, event: Event) -> None:
        """See `Listener`."""

    @abstractmethod
    def redirected(self, request: Request, url: str, status: int, time_spent: float) -> None:
        """Of the event, what the parameters of these names are in it."""


class Emitter:
    """Tells listeners about events.

    Each event's listeners are the attribute of its name, a tuple: `if emitter.incoming:` says whether an event needs to
    be made at all.
    """

    __slots__ = NAMES

    created: tuple[Listener, ...]
    ready: tuple[Listener, ...]
    reloaded: tuple[Listener, ...]
    reload_failed: tuple[Listener, ...]
    incoming: tuple[Listener, ...]
    redirecting: tuple[Listener, ...]
    redirected: tuple[Listener, ...]
    error: tuple[Listener, ...]
    aborted: tuple[Listener, ...]
    refused: tuple[Listener, ...]
    closed: tuple[Listener, ...]

    def __init__(self, observers: Mapping[str, tuple[Listener, ...]] | None = None) -> None:
        """`observers` are the plugins' hooks by the name of their event."""
        for name in NAMES:
            setattr(self, name, tuple((observers or {}).get(name, ())))

    def on(self, name: str, callback: Listener) -> Callable[[], None]:
        """Calls `callback(event)` on each event called `name`, on all of them for "*".

        Returns a function that ends it. A listener is a plain function, runs at once and must not block; one that
        raises is logged and disturbs nobody. Raises ValueError for an unknown name, TypeError for a coroutine function.
        """
        names = _names(name)
        check_listener(callback)
        for each in names:
            setattr(self, each, (*getattr(self, each), callback))

        def off() -> None:
            nonlocal names
            for each in names:
                listeners = list(getattr(self, each))
                if callback in listeners:
                    listeners.remove(callback)
                    setattr(self, each, tuple(listeners))
            names = ()

        return off

    def emit(self, event: Event) -> None:
        """Tells the event's listeners, in the order in which they came."""
        for listener in getattr(self, event.name):
            try:
                listener(event)
            except BaseException:
                logger.exception("The listener %s failed on the event %s", _describe(listener), event.name)

    def emit_redirected(self, request: Request, url: str, start: float, status: int, time_spent: float) -> None:
        """Tells the listeners of `redirected`, likewise; the event is made when one of them needs it."""
        event: Event | None = None
        for listener in self.redirected:
            try:
                if isinstance(listener, Direct):
                    listener.redirected(request, url, status, time_spent)
                    continue
                if event is None:
                    event = Event(
                        *("redirected", None, request, url, 0, start),
                        status=status,
                        end=start + time_spent / 1000,
                        time_spent=time_spent,
                    )
                listener(event)
            except BaseException:
                logger.exception("The listener %s failed on the event redirected", _describe(listener))


def _describe(function: Callable[..., Any]) -> str:
    """The name by which a function is known: `module.name`."""
    name = getattr(function, "__qualname__", None)
    return f"{function.__module__}.{name}" if name else repr(function)


def _names(name: str) -> tuple[str, ...]:
    if name == "*":
        return NAMES
    if name in NAMES:
        return (name,)
    from difflib import get_close_matches

    close = get_close_matches(str(name), NAMES, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(NAMES)}, or '*' for all"
    raise ValueError(f"There is no event {name!r}: {hint}")


def check_listener(callback: Listener) -> None:
    """Raises TypeError for what can't be called when an event happens."""
    if not callable(callback):
        raise TypeError(f"A listener is a function of one event, not {callback!r}")
    # An object may hide its coroutine function behind __call__.
    if iscoroutinefunction(callback) or iscoroutinefunction(type(callback).__call__):
        raise TypeError(
            f"The listener {_describe(callback)} is a coroutine function, which nobody would await: make it a plain "
            "one that starts a task (asyncio.create_task) for what has to wait"
        )
