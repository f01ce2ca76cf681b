"""What happened to requests on their way through the mappings.

A `Tracer` listens to a server. It keeps the events of what was applied; why other mappings weren't is found out from
their conditions when somebody asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..errors import HTTPError
from ..events import Direct, Event
from .reasons import Reason, why_passed_over
from .steps import Explanation, Outcome, Step, listed
from .walk import condition_name

if TYPE_CHECKING:
    from ..config import Mapping
    from ..events import Listenable, Listener
    from ..http import Request


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Mappings that follow each other in the list and weren't applied to a request; why is found out by `steps`.

    They are those of `mappings` from `start` up to, but without, `stop`.
    """

    mappings: tuple[Mapping, ...]
    start: int
    stop: int
    method: str
    url: str
    host: str

    @property
    def count(self) -> int:
        """How many there are."""
        return self.stop - self.start

    def steps(self, most: int | None = None) -> Iterator[Step]:
        """The steps of these mappings, the first `most` of them if that is given."""
        stop = self.stop if most is None else min(self.start + most, self.stop)
        for mapping in self.mappings[self.start : stop]:
            try:
                reason = why_passed_over(mapping, self.method, self.url, self.host)
            except HTTPError as error:
                yield Step.of(mapping, self.url, "responds", "match", error.reason, status=error.status)
                return
            if reason is None:  # all else holds
                reason = Reason("if-match", f"{condition_name(mapping)} says no")
            yield Step.of(mapping, self.url, "passed-over", *reason)


class Trace:
    """The way of one request through the mappings: `steps` for programs, `str()` for people.

    It is complete once the request has ended: then `status` is the response's, 0 where there was none.
    """

    __slots__ = (
        *("_applied", "_host", "_last_url", "_mappings", "_method", "_request", "_responded", "_url"),
        *("complete", "status"),
    )

    def __init__(self, request: Request) -> None:
        self.status: int = 0
        self.complete: bool = False
        self._request: Request | None = request
        self._method = request.method
        self._url = request.url
        self._mappings: tuple[Mapping, ...] = ()
        self._applied: list[tuple[Mapping, Event]] = []
        self._responded = 0.0  # when the response had ended, of a handler that is still at work
        # What is asked of the request until it is detached.
        self._host = ""
        self._last_url = ""

    def __str__(self) -> str:
        return listed(self.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What each mapping had to do with the request, as far as it came."""
        return tuple(self._flat(self._parts()))

    @property
    def parts(self) -> tuple[Step | PassedOver, ...]:
        """The same, but the mappings that were passed over are only counted, until somebody asks why."""
        return tuple(self._parts())

    @staticmethod
    def _flat(parts: Iterable[Step | PassedOver]) -> Iterator[Step]:
        for part in parts:
            if isinstance(part, Step):
                yield part
            else:
                yield from part.steps()

    @property
    def response(self) -> Step | None:
        """The step that responded; None if none did."""
        return next((step for step in reversed(self.steps) if step.outcome == "responds"), None)

    def explanation(self) -> Explanation:
        """The same as an `Explanation`, complete."""
        outcome: Final = "nothing" if self.response is None and self.status == 501 else "responds"
        return Explanation(self._method, self._url, outcome, self.status or None, self.steps)

    def take(self, event: Event) -> None:
        """Takes the event `redirecting`: a handler is given a value."""
        request = self._request
        if request is None:
            return
        table, mapping = request.table, request.mapping
        if table is not None and mapping is not None:
            # The mappings as they are checked: a trace that is kept keeps nothing open.
            self._mappings = self._mappings or table.checked
            self._applied.append((mapping if mapping.index < 0 else self._mappings[mapping.index], event))

    def responded(self, status: int) -> None:
        """The response has ended, with this status. The time of a handler that is still at work is that until now."""
        if not self.complete:
            self.status = status
            self._responded = time.time()

    def end(self, status: int) -> None:
        """The request has ended, with this status; 0 for one that was aborted."""
        request = self._request
        if request is None:
            return
        if not self._mappings and request.table is not None:
            self._mappings = request.table.checked
        self.complete = True
        self.status = status

    def detach(self) -> None:
        """Lets go of the request: the trace is kept as it is now, by who keeps it longer than the request lives."""
        request = self._request
        if request is None:
            return
        table = request.table
        # Where no mapping asks for it, nothing needs to find out which host the request names.
        self._host = request.hostname if table is None or table.asks_host else ""
        self._last_url = request.url
        self._request = None
        self._applied = [(mapping, _without_request(event)) for mapping, event in self._applied]

    def _parts(self) -> Iterator[Step | PassedOver]:
        url, after, responded = self._url, -1, False
        end = self.status if self.complete else None
        for number, (mapping, event) in enumerate(self._applied):
            if mapping.index < 0:  # the core's own, which has the handler of `status` respond
                end = event.redirect
                if not responded:
                    url = event.url
                break
            if event.url != url:
                url, after = event.url, -1
            yield from self._passed_over(url, after, mapping.index)
            step = self._applied_step(mapping, event, self._applied[number + 1 :])
            yield step
            responded = step.outcome == "responds"
            after = mapping.index
            if step.outcome == "redirects":
                url, after = "", -1
        # 508: the last redirect was one too many, and nothing was tried with its URL.
        if end == 501 and not responded:
            last_url = self._last_url if self._request is None else self._request.url
            yield from self._passed_over(url or last_url, after, len(self._mappings))

    def _applied_step(self, mapping: Mapping, event: Event, later: Sequence[tuple[Mapping, Event]]) -> Step:
        """The step of a mapping whose handler was run."""

        def step(outcome: Outcome, text: str, **others: Any) -> Step:
            spent: float | None = None
            if event.end:
                spent = event.time_spent
            elif self._responded:
                spent = max(self._responded - event.start, 0) * 1000
            return Step.of(
                mapping, event.url, outcome, "handler", text, value=event.redirect, time_spent=spent, **others
            )

        result = event.result
        if isinstance(result, str):
            return step("redirects", f"to {result}", redirect=result)
        if isinstance(result, int):
            return step("responds", f"returned {result}", status=result)
        if later and later[0][0].index >= 0 and (not event.end or later[0][1].start < event.end):
            return step("passes", "has the mappings behind it respond")
        if event.status:
            return step("responds", str(event.status), status=event.status)
        if event.end:
            return step("passes", "left it to the next mapping")
        if not self.complete:
            if self._responded and self.status:
                return step("responds", str(self.status), status=self.status)
            return step("undecided", "is at work")
        if not self.status:
            return step("undecided", "was cut")
        return step("responds", f"raised, {self.status}", status=self.status)

    def _passed_over(self, url: str, after: int, until: int) -> Iterator[PassedOver]:
        """The mappings between two that were applied, if there are any."""
        if after + 1 < until:
            host = self._host if self._request is None else self._request.hostname
            yield PassedOver(self._mappings, after + 1, until, self._method, url, host)


def _without_request(event: Event) -> Event:
    """A copy of it; `copy` takes three times as long."""
    return Event(
        *(event.name, None, None, event.url, 0, event.start, event.type, event.redirect, event.status, event.end),
        *(event.time_spent, None, event.result),
    )


class Tracer:
    """Traces requests from now on, until `close`: those that `begin` is called for, and with `all_requests` each one.

    `source` is whose events tell of them: a server, or the `resources` that a lifespan gets.
    """

    def __init__(self, source: Listenable, all_requests: bool = False) -> None:
        self._all_requests = all_requests
        self._traces: dict[int, Trace] = {}
        listeners: dict[str, Listener] = {
            "redirecting": self._redirecting,
            "redirected": _Redirected(self._ended),
            "aborted": self._aborted,
        }
        self._offs = [source.on(name, listener) for name, listener in listeners.items()]

    def begin(self, request: Request) -> Trace:
        """The trace of a request that isn't dispatched yet; complete when it has ended."""
        trace = self._traces[request.id] = Trace(request)
        return trace

    def of(self, request: Request) -> Trace | None:
        """The trace of a request that is under way; None: it isn't traced. `all_requests` needs a mapping applied."""
        return self._traces.get(request.id)

    def close(self) -> None:
        """Traces no more."""
        for off in self._offs:
            off()

    def _redirecting(self, event: Event) -> None:
        trace = self._traces.get(event.id)
        if trace is None:
            # No mapping before the first one that is applied changes the request: it's soon enough to begin.
            if not self._all_requests or event.request is None:
                return
            trace = self.begin(event.request)
        trace.take(event)

    def _aborted(self, event: Event) -> None:
        self._ended(event.id, 0)

    def _ended(self, number: int, status: int) -> None:
        trace = self._traces.pop(number, None)
        if trace is not None:
            trace.end(status)


class _Redirected(Direct):
    """Ends the trace of each request that has its response."""

    __slots__ = ("_ended",)

    def __init__(self, ended: Callable[[int, int], None]) -> None:
        self._ended = ended

    def __call__(self, event: Event) -> None:
        self._ended(event.id, event.status)

    def redirected(self, request: Request, url: str, status: int, time_spent: float) -> None:
        self._ended(request.id, status)
