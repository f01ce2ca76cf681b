"""No step shows what is secret in the configuration's URLs, however it is looked at."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reserve_core import Prediction, Request, check, hookimpl, mock
from reserve_core.explanation.report import report
from reserve_core.explanation.steps import Step
from reserve_core.explanation.walk import explain
from reserve_core.log import log

HIDDEN = ("pass-1", "pass-2", "pass-3")


class Push:
    """A handler whose value is a URL with secrets."""

    @hookimpl
    def schema(self) -> dict[str, Any]:
        return {"properties": {"push": {"type": "string"}}}

    @hookimpl
    async def redirect(self, redirect: str) -> int:
        return 204

    @hookimpl
    def explain(self, value: str) -> Prediction:
        return Prediction.responds(f"is sent to {value}", 204)


def configuration(match: str = "^/(.*)") -> dict[str, Any]:
    return {
        "handlers": {"push": Push()},
        "mappings": [
            {"match": "^/old/(.*)", "custom": lambda request, response, rest: f"/{rest}?api_key=pass-3"},
            {"match": match, "push": "redis://ada:pass-1@127.0.0.1/x?token=pass-2"},
        ],
    }


def shown(step: Step) -> str:
    return "\n".join((str(step), repr(step), json.dumps(step.as_json())))


def assert_nothing_secret(text: str) -> None:
    assert "***" in text
    assert [secret for secret in HIDDEN if secret in text] == []


async def test_a_trace_has_none() -> None:
    async with await mock(configuration()) as site:
        response = await site.request("GET", "/old/page")
    assert (response.status, response.trace is not None) == (204, True)
    assert response.trace is not None
    for step in response.trace.steps[0], response.trace.steps[-1]:
        assert_nothing_secret(shown(step))
    assert "redis://***@127.0.0.1" in str(response.trace.steps[-1].value)
    assert response.trace.steps[0].redirect == "/page?api_key=***"


async def test_an_explanation_has_none_and_goes_on_with_the_whole_url() -> None:
    checked = await check(configuration())
    request = Request("GET", "/page?signature=pass-3", {"host": "localhost"})
    explanation = explain(checked, request)
    assert explanation.steps[-1].prefix == "push"
    assert_nothing_secret("\n".join((report(explanation), *map(shown, explanation.steps))))


async def test_the_log_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    async with await mock(configuration(match=r"^/hook\?token=pass-2")) as site:
        log(site.server, verbose=True)
        await site.request("GET", "/old/page")
    printed = capsys.readouterr()
    assert "PASSD" in printed.out
    assert_nothing_secret(printed.out + printed.err)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("https://u:pass-1@host/", "https://***@host/"),
        (["redis://:pass-1@host", 1], ["redis://***@host", 1]),
        ({"a": {"b": ("x", "/?x-token=pass-1&y=2")}}, {"a": {"b": ["x", "/?x-token=***&y=2"]}}),
        (None, None),
        (2.5, 2.5),
        (json.loads, repr(json.loads)),
    ],
    ids=["text", "list", "object", "nothing", "number", "function"],
)
async def test_what_a_step_keeps_of_a_value(value: Any, kept: Any) -> None:
    (mapping,) = (await check({"mappings": [{"status": 404}]})).mappings
    step = Step.of(mapping, "/", "passes", "handler", "", value=value)
    assert step.value == kept
    assert step.as_json()["value"] == kept
