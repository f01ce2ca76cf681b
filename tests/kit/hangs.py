"""A test that hangs stops no run for hours.

Its `timeout` raises an exception in it, which has no effect where signals are blocked, on uvloop, and in what comes
after a failure. Its `faulthandler_timeout` ends the whole process instead, with the stacks of all threads on standard
error, and xdist tells the test's name. pytest takes that back when a test fails, for a debugger, and knows it for tests
only: here it is set anew for the teardown after a failure, and for the end of a worker's session.
"""

from __future__ import annotations

import faulthandler
import os

import pytest

_stderr = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_stderr] = os.dup(2)  # before it is captured: that is lost with the process


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    if isinstance(node, pytest.Item):
        _arm(node.config)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        _arm(session.config)


def _arm(config: pytest.Config) -> None:
    if seconds := float(config.getini("faulthandler_timeout")):
        faulthandler.dump_traceback_later(seconds, file=config.stash[_stderr], exit=True)
