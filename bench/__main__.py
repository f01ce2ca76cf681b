"""The command `python -m bench`.

Exit codes: 0 when everything was measured, whether targets were met or missed; 1 when a figure was refused, or when
something is missing without which nothing can be measured; 2 for a wrong command line.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import click

from . import chart, report
from .cases import CASES, Case, write_content
from .clients import CONNECTIONS
from .commands import file_option, prepare
from .measure import WARM_UP, measure, seconds_needed
from .peers import Missing, Peer, wrk, wrk_version
from .processes import allow_connections, cores
from .results import Result


class _Names(click.ParamType[tuple[Case, ...]]):
    name = "names"

    def convert(
        self, value: str | tuple[Case, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Case, ...]:
        if not isinstance(value, str):
            return value
        known = {case.name: case for case in CASES}
        if unknown := [name for name in value.split(",") if name not in known]:
            self.fail(f"no case {', '.join(unknown)}: there are {', '.join(known)}", param, ctx)
        return tuple(known[name] for name in value.split(","))


@click.command()
@click.option(
    "--only",
    "cases",
    type=_Names(),
    metavar="NAME,...",
    default=CASES,
    help=f"Measure only these cases: {', '.join(case.name for case in CASES)}.",
)
@click.option("--seconds", type=click.IntRange(1, 60), default=1, show_default=True, help="How long a round takes.")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="Rounds for each server.")
@file_option("--json", "document", "Write every round here.")
@file_option("--svg", "picture", "Draw the medians of some here.")
def main(cases: tuple[Case, ...], seconds: int, rounds: int, document: Path | None, picture: Path | None) -> None:
    """Measure reserve and its peers, side by side.

    The servers run on one core and the client on another; anything else that runs meanwhile falsifies the figures.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        cores()
        allow_connections()
        wrk()
        versions = prepare(server.peer for case in cases for server in case.programs)
    except Missing as error:
        raise click.ClickException(str(error)) from error
    results = _measure(cases, versions, seconds, rounds)
    if document:
        method = {"wrk": wrk_version(), "threads": 1, "connections": CONNECTIONS, "warm-up": WARM_UP}
        document.write_text(report.document(results, versions, method | {"seconds": seconds, "rounds": rounds}))
    if picture:
        picture.write_text(chart.draw(results, report.machine()))
    if any(figures.refused for result in results for figures in (result.ours, *result.others)):
        sys.exit(1)


def _measure(cases: tuple[Case, ...], versions: dict[Peer, str], seconds: int, rounds: int) -> list[Result]:
    needed = sum(seconds_needed(case, versions, seconds, rounds) for case in cases)
    click.echo(f"This takes about {needed // 60} min {needed % 60} s", err=True)
    results = []
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="reserve-bench-") as folder:
            write_content(Path(folder))
            results.append(measure(case, versions, Path(folder), seconds, rounds))
        click.echo(f"\n{report.table(results[-1])}")
    return results


def _stop(number: int, frame: FrameType | None) -> None:
    """Leaves as an exception does, so that the servers are stopped."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main(prog_name="python -m bench")
