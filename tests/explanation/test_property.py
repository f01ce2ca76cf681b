"""Random tables: what a trace and a walk say of a request, against what ran and what each condition is by itself."""

from __future__ import annotations

import re
from typing import Any

from reserve_core import MemoryResponse, Request, Response, check, hookimpl, mock
from reserve_core.explanation.prediction import Prediction
from reserve_core.explanation.steps import Explanation, Step
from reserve_core.explanation.trace import Trace
from reserve_core.explanation.walk import explain
from tests.kit.tables import Case, random_case

CASES = 500


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


def passes(steps: tuple[Step, ...]) -> list[list[Step]]:
    """The steps of each way through the table: from the first mapping to the end or a redirect."""
    ways: list[list[Step]] = [[]]
    for step in steps:
        ways[-1].append(step)
        if step.outcome == "redirects":
            ways.append([])
    return ways


async def test_the_trace_of_each_request_is_true_and_whole() -> None:
    """Each mapping that was applied is told, and no other; each one passed over has a reason that is one."""
    for seed in range(CASES):
        case = random_case(seed)
        plain, trace, _, response = await explained(case)
        steps = trace.steps
        applied = [step for step in steps if step.outcome != "passed-over"]
        assert [(index_of(step), step.url) for step in applied] == plain.ran, seed
        assert trace.status == response.status, seed
        for step in steps:
            if step.outcome == "passed-over":
                assert is_true(case, step), (seed, step)
        for way in passes(steps):
            assert [index_of(step) for step in way] == list(range(len(way))), seed  # none is left out
        winner = applied[-1] if applied and isinstance(case.rules[index_of(applied[-1])].result, int) else None
        responds = [step for step in steps if step.outcome == "responds"]
        assert responds == ([] if winner is None else [winner]), seed
        if winner is None and response.status == 501:
            assert len(passes(steps)[-1]) == len(case.rules), seed  # all were tried


async def test_a_walk_says_what_comes_of_it() -> None:
    """What is decided is what happened, step by step; what isn't says that an if-match decides."""
    decided = 0
    for seed in range(CASES):
        case = random_case(seed)
        _, trace, explanation, response = await explained(case)
        for step in explanation.steps:
            if step.outcome == "passed-over":
                assert step.reason != "if-match", seed
                assert is_true(case, step), (seed, step)
        undecided = [step for step in explanation.steps if step.outcome == "undecided"]
        assert all(case.rules[index_of(step)].says is not None and step.reason == "if-match" for step in undecided), (
            seed
        )
        if explanation.outcome == "undecided":
            assert undecided, seed
            continue
        decided += 1
        assert explanation.status == response.status, seed
        assert (explanation.outcome == "nothing") == (
            not any(step.outcome == "responds" for step in trace.steps) and response.status == 501
        ), seed
        if response.status != 508:  # a walk knows a circle when it comes round
            pairs = zip(explanation.steps, trace.steps, strict=True)
            assert all(
                (a.mapping, a.url, a.outcome, a.reason) == (b.mapping, b.url, b.outcome, b.reason) for a, b in pairs
            ), seed
    assert CASES / 4 < decided < CASES
