"""What a listener tells: a line for each request on standard output, and on standard error what is in its way."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from reserve_core.kit import printable

from ..json_shapes import RequestSummary
from ..sending.http_exchange import HTTPResponse


class ListenReport:
    """Lines for people, or with `as_json` a JSON object each. `complete`: no request was skipped or lost.

    The `greeting` is said once the mirror is there.
    """

    def __init__(self, greeting: str, *, as_json: bool) -> None:
        self._greeting = greeting
        self.complete = True
        self._as_json = as_json
        self._obstacle = ""  # that was told last
        self._unkept = ""  # why responses aren't kept, as it was told

    def delivered(self, summary: RequestSummary, target: str, response: HTTPResponse, tries: int) -> None:
        self._obstacle = ""
        told = f"{_named(summary)} → {response.status} {response.duration:.0f} ms"
        duration = round(response.duration, 1)
        self._tell(
            told, summary, outcome="delivered", to=target, status=response.status, duration=duration, tries=tries
        )

    def skipped(self, summary: RequestSummary, reason: str) -> None:
        self.complete = False
        self._obstacle = ""
        self._tell(f"{_named(summary)} skipped: {reason}", summary, outcome="skipped", reason=reason)

    def lost(self, count: int) -> None:
        self.complete = False
        told = "One request is lost" if count == 1 else f"{count} requests are lost"
        self._tell(f"{told}: the mirror has dropped what came", None, outcome="lost", count=count)

    def made_anew(self) -> None:
        self.complete = False
        self.say(
            "The mirror isn't the one of the last time: it was deleted, or its server has restarted. What it had kept"
            " is gone, nobody knows how much"
        )

    def in_the_way(self, obstacle: str) -> None:
        """Why it doesn't go on for now, once as long as it stays the same."""
        if obstacle != self._obstacle:
            self._obstacle = obstacle
            self.say(f"{obstacle}; trying again")

    def not_kept(self, reason: str) -> None:
        """Why the mirror doesn't keep responses, once."""
        if reason != self._unkept:
            self._unkept = reason
            self.say(f"The mirror doesn't keep the responses: {reason}")

    def goes_on(self) -> None:
        self._obstacle = ""
        if self._greeting:
            self.say(self._greeting)
            self._greeting = ""

    def say(self, text: str) -> None:
        click.echo(printable(text), err=True)

    def _tell(self, text: str, summary: RequestSummary | None, **members: Any) -> None:
        if self._as_json:
            of = {} if summary is None else {name: summary[name] for name in ("id", "time", "method", "path")}
            click.echo(json.dumps({**of, **members}))
        else:
            click.echo(printable(f"{time.strftime('%H:%M:%S')} {text}"))


def _named(summary: RequestSummary) -> str:
    return f"{summary['method']} {summary['path'] or '/'}"
