"""A test that hangs where no exception gets at it ends its process, and is told."""

from __future__ import annotations

from pathlib import Path

import pytest

_HANG = """
import signal, time
import pytest

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # its timeout has no effect

def hang():
    time.sleep(600)

@pytest.fixture
def hangs_at_its_end():
    yield
    hang()
"""


@pytest.mark.parametrize(
    ("test", "place"),
    [
        ("def test_it():\n    hang()\n", "in hang"),
        ("def test_it(hangs_at_its_end):\n    pass\n", "in hangs_at_its_end"),
        ("def test_it(hangs_at_its_end):\n    assert False\n", "in hangs_at_its_end"),
    ],
    ids=["in the test", "teardown", "teardown after a failure"],
)
def test_a_hang_ends_its_process(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, project: Path, test: str, place: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project))
    pytester.makepyfile(_HANG + test)
    limits = ("--timeout=0.2", "-o", "faulthandler_timeout=2", "-o", "faulthandler_exit_on_timeout=true")
    run = pytester.runpytest_subprocess("-p", "tests.kit.hangs", "-p", "no:cacheprovider", *limits)
    assert run.ret == 1
    run.stderr.fnmatch_lines(["Timeout (*", f"*test_a_hang_ends_its_process.py*{place}"])
