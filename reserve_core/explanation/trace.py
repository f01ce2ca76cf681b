"""What happened to requests on their way through the mappings.

A `Tracer` listens to a server. It keeps the events of what was applied; why other mappings weren't is found out from
their conditions when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..errors import HTTPError
from .reasons import Reason, why_passed_over
from .steps import Explanation, Outcome, Step, listed
from .walk import condition_name

if TYPE_CHECKING:
    from ..config import Mapping
    from ..events import Event, Listenable
    from ..http import Request


class Trace:
    """The way of one request through the mappings: `steps` for programs, `str()` for people.

    It is complete once the request has ended: then `status` is the response's, 0 where there was none.
    """

    def __init__(self, request: Request) -> None:
        self.status: int = 0
        self.complete: bool = False
        self._request = request
        self._url = request.url
        self._mappings: tuple[Mapping, ...] = ()
        self._applied: list[tuple[Mapping, Event]] = []

    def __str__(self) -> str:
        return listed(self.steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What each mapping had to do with the request, as far as it came."""
        return tuple(self._steps())

    @property
    def response(self) -> Step | None:
        """The step that responded; None if none did."""
        return next((step for step in reversed(self.steps) if step.outcome == "responds"), None)

    def explanation(self) -> Explanation:
        """The same as an `Explanation`, complete."""
        outcome: Final = "nothing" if self.response is None and self.status == 501 else "responds"
        return Explanation(self._request.method, self._url, outcome, self.status or None, self.steps)

    def take(self, event: Event) -> None:
        """Takes the event `redirecting`: a handler is given a value."""
        table, mapping = self._request.table, self._request.mapping
        if table is not None and mapping is not None:
            self._mappings = self._mappings or table.mappings
            self._applied.append((mapping, event))

    def end(self, status: int) -> None:
        """The request has ended, with this status; 0 for one that was aborted."""
        table = self._request.table
        if not self._mappings and table is not None:
            self._mappings = table.mappings
        self.complete = True
        self.status = status

    def _steps(self) -> Iterator[Step]:
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
            yield from self._passed_over(url or self._request.url, after, len(self._mappings))

    def _applied_step(self, mapping: Mapping, event: Event, later: Sequence[tuple[Mapping, Event]]) -> Step:
        """The step of a mapping whose handler was run."""

        def step(outcome: Outcome, text: str, **others: Any) -> Step:
            spent = event.time_spent if event.end else None
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
            return step("undecided", "is at work")
        if not self.status:
            return step("undecided", "was cut")
        return step("responds", f"raised, {self.status}", status=self.status)

    def _passed_over(self, url: str, after: int, until: int) -> Iterator[Step]:
        """The steps of the mappings between two that were applied."""
        for mapping in self._mappings[after + 1 : until]:
            try:
                reason = why_passed_over(mapping, self._request.method, url, self._request.hostname)
            except HTTPError as error:
                yield Step.of(mapping, url, "responds", "match", error.reason, status=error.status)
                return
            if reason is None:  # all else holds
                reason = Reason("if-match", f"{condition_name(mapping)} says no")
            yield Step.of(mapping, url, "passed-over", *reason)


class Tracer:
    """Traces requests of a server from now on, until `close`."""

    def __init__(self, source: Listenable) -> None:
        self._traces: dict[int, Trace] = {}
        listeners = {"redirecting": self._redirecting, "redirected": self._ended, "aborted": self._ended}
        self._offs = [source.on(name, listener) for name, listener in listeners.items()]

    def begin(self, request: Request) -> Trace:
        """The trace of a request that isn't dispatched yet; complete when it has ended."""
        trace = self._traces[request.id] = Trace(request)
        return trace

    def close(self) -> None:
        """Traces no more."""
        for off in self._offs:
            off()

    def _redirecting(self, event: Event) -> None:
        trace = self._traces.get(event.id)
        if trace is not None:
            trace.take(event)

    def _ended(self, event: Event) -> None:
        trace = self._traces.pop(event.id, None)
        if trace is not None:
            trace.end(event.status)
