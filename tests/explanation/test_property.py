"""Random tables: what a trace and a walk say of a request, against what ran and what each condition is by itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reserve_core import MemoryResponse, Request, Response, check, hookimpl, mock
from reserve_core.explanation.prediction import Prediction
from reserve_core.explanation.steps import Explanation, Step
from reserve_core.explanation.trace import Trace
from reserve_core.explanation.walk import explain
from tests.kit.tables import Case, random_case

CASES = 300


class Plain:
    """A handler that does what the rules of a case say. `ran` are those it did, with the URL that the request had."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.ran: list[tuple[int, str]] = []

    @hookimpl
    def schema(self) -> dict[str, Any]:
        return {"properties": {"plain": {"description": "The index of a rule"}}}

    @hookimpl
    async def redirect(self, request: Request, response: Response, redirect: int) -> str | int | None:
        self.ran.append((redirect, request.url))
        return self.case.rules[redirect].result

    @hookimpl
    def explain(self, value: int) -> Prediction:
        result = self.case.rules[value].result
        if isinstance(result, str):
            return Prediction.redirects(result)
        return Prediction.passes("goes on") if result is None else Prediction.responds("a status", result)


async def explained(case: Case) -> tuple[Plain, Trace, Explanation, MemoryResponse]:
    plain = Plain(case)
    mappings = [rule.mapping for rule in case.rules]
    configuration = await check({"handlers": {"plain": plain}, "mappings": mappings})
    headers = {"host": case.host} if case.host else {}
    async with await mock(configuration) as site:
        response = await site.request(case.method, case.url, headers)
    assert response.trace is not None
    return plain, response.trace, explain(configuration, Request(case.method, case.url, headers)), response


def index_of(step: Step) -> int:
    number = re.match(r"mapping (\d+)", step.mapping)
    assert number is not None
    return int(number[1]) - 1


def is_true(case: Case, step: Step) -> bool:
    """Whether what a step gives as the reason is one, found out from this one condition."""
    return case.rules[index_of(step)].fails(step.reason, case.method, step.url, case.host)


def ways(steps: tuple[Step, ...]) -> list[list[Step]]:
    """The steps of each way through the table: from the first mapping to the end or a redirect."""
    found: list[list[Step]] = [[]]
    for step in steps:
        found[-1].append(step)
        if step.outcome == "redirects":
            found.append([])
    return found


async def hold(seed: int) -> bool:
    """Holds the trace and the walk of one case to what they have to be; whether the walk has decided."""
    case = random_case(seed)
    plain, trace, explanation, response = await explained(case)
    _check_trace(case, plain, trace, response)
    _check_walk(case, explanation)
    if explanation.outcome == "undecided":
        return False
    # What is decided is what happened, step by step.
    assert explanation.status == response.status
    assert (explanation.outcome == "nothing") == (trace.response is None and response.status == 501)
    if response.status != 508:  # a walk knows a circle when it comes round
        told = [
            [(step.mapping, step.url, step.outcome, step.reason) for step in steps]
            for steps in (explanation.steps, trace.steps)
        ]
        assert told[0] == told[1]
    return True


def _check_trace(case: Case, plain: Plain, trace: Trace, response: MemoryResponse) -> None:
    """Each mapping that was applied is told, and no other; each one passed over has a reason that is one."""
    steps = trace.steps
    applied = [step for step in steps if step.outcome != "passed-over"]
    assert [(index_of(step), step.url) for step in applied] == plain.ran
    assert trace.status == response.status
    assert [step for step in steps if step.outcome == "passed-over" and not is_true(case, step)] == []
    for way in ways(steps):
        assert [index_of(step) for step in way] == list(range(len(way)))  # none is left out
    ends = bool(applied) and isinstance(case.rules[index_of(applied[-1])].result, int)
    assert [step for step in steps if step.outcome == "responds"] == (applied[-1:] if ends else [])
    if not ends and response.status == 501:
        assert len(ways(steps)[-1]) == len(case.rules)  # all were tried


def _check_walk(case: Case, explanation: Explanation) -> None:
    """Each mapping passed over has a true reason; where nothing is decided, it's an if-match that decides."""
    passed = [step for step in explanation.steps if step.outcome == "passed-over"]
    assert [step for step in passed if step.reason == "if-match" or not is_true(case, step)] == []
    undecided = [step for step in explanation.steps if step.outcome == "undecided"]
    assert all(step.reason == "if-match" and case.rules[index_of(step)].says is not None for step in undecided)
    assert bool(undecided) or explanation.outcome != "undecided"


@pytest.mark.no_cover
async def test_what_is_said_of_random_requests_is_true() -> None:
    decided = 0
    for seed in range(CASES):
        try:
            decided += await hold(seed)
        except AssertionError as error:
            error.add_note(f"of seed {seed}")
            raise
    assert CASES / 4 < decided < CASES
