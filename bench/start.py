"""The command `python -m bench.start`: the CPU time of a start, beside that of the imports nobody can do without.

Exit codes: 0 when everything was measured, whether bounds were kept or missed; 1 when a command fails.
"""

from __future__ import annotations

import http.client
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click

COMMAND = Path(sys.executable).with_name("reserve")
READY = "Server running at "

Work = Callable[[Path], None]


def _cpu(work: Work, folder: Path) -> float:
    """Seconds of CPU time of the processes that `work` starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work(folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _run(*command: str | Path, **variables: str) -> Work:
    def work(folder: Path) -> None:
        environment = {**os.environ, **variables}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling is none of what is measured
        subprocess.run(  # noqa: S603  the commands are our own
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
        )

    return work


def _imports(*modules: str) -> Work:
    return _run(sys.executable, "-c", f"import {', '.join(modules)}")


def _first_response(folder: Path) -> None:
    """`reserve` serves a folder; it's killed once a file has come, so that its end costs nothing."""
    with subprocess.Popen(  # noqa: S603  the command is our own
        [COMMAND, "--port", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        url = urlsplit(process.stdout.readline().removeprefix(READY).strip())
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
        connection.request("GET", "/hello.txt")
        answered = connection.getresponse().read()
        connection.close()
        process.send_signal(signal.SIGKILL)
    if answered != b"hello":
        raise click.ClickException(f"reserve doesn't serve the file, it sent {answered!r}")


_COMPLETION = {"_RESERVE_COMPLETE": "bash_complete", "COMP_WORDS": "reserve ", "COMP_CWORD": "1"}
_PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")
_CLICK, _LOOP = _imports("click", "asyncio"), _imports("asyncio", "uvloop", "click")

# What is measured, beside what, and how many times that it may take.
CASES: tuple[tuple[str, Work, str, Work, float], ...] = (
    ("reserve --version", _run(COMMAND, "--version"), "import click, asyncio", _CLICK, 1.3),
    ("completion of commands", _run(COMMAND, **_COMPLETION), "import click, asyncio", _CLICK, 1.3),
    ("reserve, until the first file", _first_response, "import asyncio, uvloop, click", _LOOP, 2),
    (
        *("pytest of a foreign project", _run(*_PYTEST), "pytest without reserve's fixtures"),
        *(_run(*_PYTEST, "-p", "no:reserve", "-p", "no:reserve-mirror"), 1.1),
    ),
)


@click.command()
@click.option("--rounds", type=click.IntRange(1, 100), default=15, show_default=True, help="Rounds of each pair.")
def main(rounds: int) -> None:
    """Measure what a start costs: the least CPU time of some rounds, A B A B."""
    with tempfile.TemporaryDirectory(prefix="reserve-bench-") as name:
        folder = Path(name)
        (folder / "hello.txt").write_text("hello")
        (folder / "test_it.py").write_text("def test_it(): assert 'a' in 'abc'\n")
        for title, ours, other_title, other, bound in CASES:
            _cpu(ours, folder), _cpu(other, folder)  # bytecode is written once
            pairs = [(_cpu(ours, folder), _cpu(other, folder)) for _ in range(rounds)]
            least, base = (min(times) for times in zip(*pairs, strict=True))
            verdict = "kept" if least <= bound * base else "missed"
            click.echo(
                f"{title:<30} {least * 1000:4.0f} ms  {least / base:.2f} x {other_title} ({base * 1000:.0f} ms),"
                f" bound {bound:g} x: {verdict}"
            )


if __name__ == "__main__":
    main(prog_name="python -m bench.start")
