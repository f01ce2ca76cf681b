"""What the metrics of a server come to, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reserve_core.testing import TestServer
from tests.kit.client import ReceivedResponse, ask

TOKEN = "long-and-secret"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
METRICS = {"match": "^/metrics$", "metrics": {"token": TOKEN}}


class Measured:
    """A server with metrics at `url`metrics."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, method: str = "GET", **options: Any) -> ReceivedResponse:
        return ask(f"{self.url}{path}", method, **options)

    def samples(self) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        """The values of each metric, by its labels, those of a mapping for metrics apart."""
        response = self.ask("metrics", headers=BEARER)
        assert response.status == 200, response.text
        found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        for family in text_string_to_metric_families(response.text):
            for sample in family.samples:
                if sample.labels.get("prefix") != "metrics":
                    found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
        return found

    def total(self, metric: str, **labels: str) -> float:
        """The sum of the values of a metric that have these labels, among others; 0 without any."""
        values = self.samples().get(metric, {})
        return sum(value for own, value in values.items() if labels.items() <= dict(own).items())


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine counts."""
    monkeypatch.delenv("METRICS_TOKEN", raising=False)


Measure = Callable[..., Measured]


@pytest.fixture
def measure(reserve_server: Callable[[dict[str, Any]], TestServer]) -> Measure:
    """`measured = measure(mapping, ...)`: a server with these mappings behind the metrics."""

    def start(*mappings: dict[str, Any]) -> Measured:
        return Measured(reserve_server({"mappings": [METRICS, *mappings, {"status": 404}]}).url)

    return start
