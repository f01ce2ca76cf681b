"""What is kept of a request's way through the mappings: what each one had to do with it, within bounds.

Why mappings were passed over is found out when somebody looks at the record: then a trace costs a request little.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from reserve_core import Resources
from reserve_core.kit import PassedOver, Step, Trace, Tracer

from .json_shapes import TraceStep

# Of mappings that were passed over, how many are kept of those that follow each other, and of all.
MOST_IN_A_ROW = 20
MOST_PASSED = 100
# How many mappings that were applied are kept, with what was passed over between them.
MOST_PARTS = 200
# Characters of a text.
LONGEST = 300
# What a trace takes in memory, about, in bytes: most have a few steps.
SIZE = 4096


@asynccontextmanager
async def tracing(resources: Resources) -> AsyncIterator[Tracer]:
    """The tracer that all taps of a table share: `await resources.share(tracing, resources)`."""
    tracer = Tracer(resources, all_requests=True)
    try:
        yield tracer
    finally:
        tracer.close()


def encode(trace: Trace) -> bytes:
    """A list of `TraceStep` as JSON."""
    return json.dumps(kept(trace.parts), separators=(",", ":")).encode()


def kept(parts: Sequence[Step | PassedOver]) -> list[TraceStep]:
    """The steps that are kept; where others were left out, the one before them says how many."""
    found: list[TraceStep] = []
    url = ""
    room = MOST_PASSED
    for number, part in enumerate(parts):
        count = 1 if isinstance(part, Step) else part.count
        if MOST_PARTS - 1 <= number < len(parts) - 1:  # the last one tells the end
            _omit(found, count)
            continue
        if isinstance(part, Step):
            steps = [part]
        else:
            steps = list(part.steps(min(room, MOST_IN_A_ROW)))
            room -= len(steps)
        for step in steps:
            found.append(_shape(step, url))
            url = step.url
        if not steps or steps[-1].outcome == "passed-over":
            _omit(found, count - len(steps))
    return found


def _omit(found: list[TraceStep], count: int) -> None:
    """So many steps behind the last one aren't kept."""
    if count:
        found[-1]["omitted"] = found[-1].get("omitted", 0) + count


def _shape(step: Step, url: str) -> TraceStep:
    shape = TraceStep(
        place=_short(step.place),
        mapping=_short(step.mapping),
        prefix=step.prefix,
        outcome=step.outcome,
        reason=step.reason,
        text=_short(step.text),
    )
    if step.url != url:
        shape["url"] = _short(step.url)
    if step.value is not None:
        shape["value"] = _short(_text(step.value))
    if step.redirect is not None:
        shape["redirect"] = _short(step.redirect)
    if step.status is not None:
        shape["status"] = step.status
    if step.time_spent is not None:
        shape["time_spent"] = round(step.time_spent, 3)
    return shape


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
