"""What a server counts, by its events. All labels are bounded: no URL, no code and no name of a client is one."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from .worker_files import WorkerFiles

if TYPE_CHECKING:
    from reserve_core import Event, Request, Resources, Server

# Seconds: most responses take less than a millisecond here, those of upstream servers much longer.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# Seconds between two looks at what is open, for the other workers to see.
INTERVAL = 5.0
# Different outcomes that are told apart.
MAX_OUTCOMES = 50

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"))
_OTHER = "other"
_NONE = "none"

MetricT = TypeVar("MetricT", Counter, Gauge, Histogram)


class ServerMetrics:
    """The metrics of one server. `registry` collects them, those of its other workers included.

    They are made in `storing`, each of them for the registry `made`.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        made: CollectorRegistry | None,
        storing: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.registry: CollectorRegistry = registry
        self._storing = storing
        self._server: Server | None = None
        self._children: dict[tuple[object, ...], Any] = {}
        self._outcomes: set[str] = {""}
        self._upgraded: set[str] = set()  # the prefixes that have had WebSockets
        with storing():
            self._requests = Counter(
                "reserve_requests",
                "Requests that were responded to",
                ("method", "status", "prefix", "outcome"),
                registry=made,
            )
            self._durations = Histogram(
                "reserve_request_duration_seconds",
                "From the head of a request to the end of its response",
                ("prefix",),
                buckets=BUCKETS,
                registry=made,
            )
            self._aborted = Counter(
                "reserve_requests_aborted",
                "Requests without a response: the client went away, or the server cut them: at a stop, by a fault",
                ("prefix", "by"),
                registry=made,
            )
            self._refused = Counter(
                "reserve_requests_refused",
                "Requests that no mapping saw: malformed, over a limit, too slow",
                ("status",),
                registry=made,
            )
            self._errors = Counter("reserve_errors", "Failures of handlers", ("prefix",), registry=made)
            gauge = partial(Gauge, registry=made, multiprocess_mode="sum")
            self._in_progress = gauge("reserve_requests_in_progress", "Requests at work, WebSockets apart")
            self._connections = gauge("reserve_connections", "Connections that are open, those of WebSockets included")
            self._websockets = gauge("reserve_websockets", "WebSockets that are open", ("prefix",))

    def look(self) -> None:
        """Looks at what is open."""
        server = self._server
        if server is None:
            return
        open_by_prefix = Tally(map(_prefix, server.upgraded))
        self._connections.set(server.connections)
        self._in_progress.set(server.working - open_by_prefix.total())
        self._upgraded.update(open_by_prefix)
        for prefix in self._upgraded:
            self._child(self._websockets, prefix).set(open_by_prefix[prefix])

    def _child(self, metric: MetricT, *labels: object) -> MetricT:
        """The one of `metric` with these values of its labels."""
        key = (metric, *labels)
        child: MetricT | None = self._children.get(key)
        if child is None:
            with self._storing():
                child = self._children[key] = metric.labels(*labels)
        return child

    # The events.

    def serving(self, event: Event) -> None:
        self._server = event.server
        self.look()

    def redirected(self, event: Event) -> None:
        request = event.request
        if request is None or request.internal:  # the client's request counts, not those that handlers make of it
            return
        prefix = _prefix(request)
        method = request.method if request.method in _METHODS else _OTHER
        self._child(self._requests, method, f"{event.status // 100}xx", prefix, self._outcome(request)).inc()
        if event.status != 101:  # how long a WebSocket was open is nobody's waiting
            self._child(self._durations, prefix).observe(event.time_spent / 1000)

    def aborted(self, event: Event) -> None:
        if event.request is not None and not event.internal:
            by = "client" if event.reason is None else "server"
            self._child(self._aborted, _prefix(event.request), by).inc()

    def refused(self, event: Event) -> None:
        self._child(self._refused, event.status).inc()

    def error(self, event: Event) -> None:
        self._child(self._errors, _prefix(event.request)).inc()

    def _outcome(self, request: Request) -> str:
        """What the handler says has become of the request, in a word of its own."""
        outcome = str(request.state.get("outcome", ""))
        if outcome not in self._outcomes:
            if len(self._outcomes) > MAX_OUTCOMES:
                return _OTHER
            self._outcomes.add(outcome)
        return outcome


@asynccontextmanager
async def server_metrics(folder: Path | None) -> AsyncIterator[ServerMetrics]:
    """The metrics of a server, for `resources.share`. `folder` is this worker's; None: it is the only process."""
    registry = CollectorRegistry()
    if folder is None:
        ProcessCollector(registry=registry)
        yield ServerMetrics(registry, registry, nullcontext)
        return
    files = WorkerFiles(folder)
    registry.register(files)
    try:
        yield ServerMetrics(registry, None, files.storing)
    finally:
        files.close()


@asynccontextmanager
async def counting(metrics: ServerMetrics, resources: Resources) -> AsyncIterator[None]:
    """Has `metrics` count what happens to a table of mappings: for `resources.share`, so that it is once for each."""
    for name in ("ready", "reloaded"):
        resources.on(name, metrics.serving)
    for listener in (metrics.redirected, metrics.aborted, metrics.refused, metrics.error):
        resources.on(listener.__name__, listener)
    looking = None if resources.worker_folder is None else resources.spawn(_look_again_and_again(metrics))
    yield
    if looking is not None:
        looking.cancel()


async def _look_again_and_again(metrics: ServerMetrics) -> None:
    while True:
        await asyncio.sleep(INTERVAL)
        metrics.look()


def _prefix(request: Request | None) -> str:
    """The prefix of the handler that a request was given to last."""
    mapping = None if request is None else request.mapping
    return _NONE if mapping is None else mapping.handler.prefix
