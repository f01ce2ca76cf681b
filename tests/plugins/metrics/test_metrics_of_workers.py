"""Metrics of several workers: their sums, which a worker that is killed takes nothing from."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import Counter, values

from reserve_metrics.worker_files import WorkerFiles
from tests.e2e.conftest import Start
from tests.kit.waiting import wait_until
from tests.plugins.metrics.conftest import METRICS, Measure, Measured

CODE = """
import os

def pid(request, response):
    return [str(os.getpid())]
"""


def test_a_worker_that_is_killed_takes_nothing_from_the_sums(
    start_reserve: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two servers, each of which counts for itself."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    (tmp_path / "code.py").write_text(CODE)
    mappings = [METRICS, {"match": "^/pid$", "custom": "./code.py:pid"}]
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"mappings": mappings}))
    running = start_reserve("--config", "one.json,two.json", "--workers", "2", "--silent")
    site, other = Measured(running.ready()), Measured(running.ready())
    counted = 0

    def pids(count: int) -> set[int]:
        nonlocal counted
        counted += count
        with ThreadPoolExecutor(8) as pool:
            return {int(response.text) for response in pool.map(lambda _: site.ask("pid"), range(count))}

    def all_are_counted() -> bool:
        return site.total("reserve_requests_total", prefix="custom") == counted

    workers: set[int] = set()
    while len(workers) < 2:  # the system decides who gets a connection
        workers |= pids(16)
    wait_until(all_are_counted)  # a request counts once its client has the response
    killed = min(workers)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{killed}").exists())
    assert all_are_counted()
    while len(workers) < 3:
        workers |= pids(16)
    wait_until(all_are_counted)
    assert site.total("reserve_request_duration_seconds_count", prefix="custom") == counted
    assert other.total("reserve_requests_total", prefix="custom") == 0
    samples = site.samples()
    assert set(samples["process_resident_memory_bytes"]) == {(("worker", "0"),), (("worker", "1"),)}
    assert len(list(temporary.iterdir())) == 1
    assert running.stop() == 0
    assert list(temporary.iterdir()) == []


def test_a_single_process_shows_what_it_uses(measure: Measure) -> None:
    """As far as Linux tells: in /proc/self."""
    samples = measure().samples()
    assert samples["process_resident_memory_bytes"][()] > 1 << 20
    assert samples["process_cpu_seconds_total"][()] > 0
    assert samples["process_open_fds"][()] > 0


def test_only_its_own_metrics_are_in_a_worker_s_files(tmp_path: Path) -> None:
    """What a user's code counts by the same client stays where it was."""
    folder = tmp_path / "0"
    folder.mkdir()
    (tmp_path / "1").mkdir()
    (tmp_path / "1/counter_0.db").touch()  # another worker has only just begun it
    files = WorkerFiles(folder)
    before = values.ValueClass
    with files.storing():
        ours = Counter("ours", "Kept", ("label",), registry=None).labels("x")
    theirs = Counter("theirs", "Not kept", registry=None)
    ours.inc(3)
    theirs.inc()
    assert values.ValueClass is before
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    found = {metric.name: metric for metric in files.collect()}
    assert [sample.value for sample in found["ours"].samples] == [3]
    assert "theirs" not in found
    files.close()
    # Who takes its place goes on.
    again = WorkerFiles(folder)
    with again.storing():
        Counter("ours", "Kept", ("label",), registry=None).labels("x").inc()
    assert [sample.value for metric in again.collect() if metric.name == "ours" for sample in metric.samples] == [4]
    again.close()


def test_the_folder_that_the_user_has_named_stays_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/elsewhere")
    files = WorkerFiles(tmp_path)
    with files.storing():
        assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path)
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == "/elsewhere"
    files.close()
