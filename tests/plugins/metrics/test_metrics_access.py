"""Who sees the metrics, in which format, and what `check` refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from reserve_core import ConfigError, Server, check
from reserve_core.testing import TestServer
from tests.kit.client import ask
from tests.plugins.metrics.conftest import BEARER, METRICS, TOKEN, Measure

WRONG = {
    "none": {},
    "another": {"Authorization": "Bearer other-and-secret"},
    "the beginning": {"Authorization": f"Bearer {TOKEN[:-1]}"},
    "more": {"Authorization": f"Bearer {TOKEN}x"},
    "another scheme": {"Authorization": f"Basic {TOKEN}"},
    "not ASCII": {"Authorization": "Bearer \xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9"},
    "in a cookie": {"Cookie": f"token={TOKEN}"},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_without_the_token_nothing_is_shown(measure: Measure, headers: dict[str, str]) -> None:
    site = measure()
    response = site.ask("metrics", headers=headers)
    assert (response.status, response.headers["www-authenticate"]) == (401, 'Bearer realm="metrics"')
    assert "reserve_" not in response.text


def test_the_format_is_the_one_that_is_accepted(measure: Measure) -> None:
    site = measure()
    plain = site.ask("metrics", headers=BEARER)
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert plain.headers["cache-control"] == "no-store"
    wanted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    open_metrics = site.ask("metrics", headers={**BEARER, "Accept": wanted})
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name for family in text_string_to_metric_families(open_metrics.text)}  # type: ignore[no-untyped-call]
    assert {"reserve_requests", "reserve_connections", "reserve_request_duration_seconds"} <= families


def test_it_is_read_and_not_written(measure: Measure) -> None:
    site = measure()
    head = site.ask("metrics", "HEAD", headers=BEARER)
    assert (head.status, head.body) == (200, b"")
    assert site.ask("metrics", "POST", headers=BEARER).status == 404  # of the next mapping


def test_the_token_comes_from_the_environment(
    reserve_server: Callable[[dict[str, Any]], TestServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    for access in ({}, {"token": "$METRICS_TOKEN"}):
        url = reserve_server({"mappings": [{"match": "^/metrics$", "metrics": access}]}).url
        assert ask(f"{url}metrics").status == 401
        assert ask(f"{url}metrics", headers=BEARER).status == 200


NO_TOKEN = {
    "none": ({}, "Anybody could see the metrics: there is no token"),
    "empty": ({"token": ""}, "The token can't be used: it has 8 to 256 visible characters"),
    "short": ({"token": "1234567"}, "The token can't be used: it has 8 to 256 visible characters"),
    "with a space": ({"token": "long and secret"}, "The token can't be used: it has 8 to 256 visible characters"),
    "a variable": ({"token": "$OTHER_TOKEN"}, "The token '$OTHER_TOKEN' is no secret"),
}


@pytest.mark.parametrize(("access", "why"), NO_TOKEN.values(), ids=NO_TOKEN)
def test_check_refuses_a_mapping_without_a_token(
    reserve: Callable[..., Any], tmp_path: Path, access: dict[str, str], why: str
) -> None:
    (tmp_path / "reserve.json").write_text(json.dumps({"mappings": [{"match": "^/metrics$", "metrics": access}]}))
    checked = reserve("check")
    assert checked.returncode == 2
    assert f"mapping 1 (^/metrics$): {why}" in checked.stderr


def test_a_file_may_name_the_variable_of_the_token(
    reserve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = {"match": "^/metrics$", "metrics": {"token": "${METRICS_TOKEN}"}}
    (tmp_path / "reserve.json").write_text(json.dumps({"mappings": [metrics]}))
    monkeypatch.delenv("METRICS_TOKEN", raising=False)
    assert "reserve.json:1: The environment has no variable METRICS_TOKEN" in reserve("check").stderr
    monkeypatch.setenv("METRICS_TOKEN", "a-secret-of-eight")
    assert reserve("check").returncode == 0


async def test_a_variable_that_is_no_token_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS_TOKEN", "short")
    with pytest.raises(ConfigError, match=r"The token in \$METRICS_TOKEN can't be used"):
        await check({"mappings": [{"match": "^/metrics$", "metrics": {}}]})


async def test_without_the_client_of_prometheus_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"prometheus_client, which isn't installed\n.*'reserve-core\[metrics\]'"):
        await check({"mappings": [METRICS]})


async def test_workers_that_have_no_folder_do_not_start() -> None:
    server = Server(await check({"port": 0, "mappings": [METRICS]}, workers=2))
    with pytest.raises(ConfigError, match=r"(?s)2 workers can't count together: .*TMPDIR"):
        await server.start()
