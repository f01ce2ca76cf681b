"""What must hold, row by row, and the figures that the checks of `tests/hostile` found.

A row is checked by the file named after it: `smuggling` by `test_smuggling.py`. It passes when it has a figure and no
check of it failed.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.report import machine


@dataclass(frozen=True, slots=True)
class Row:
    """What must hold: `title` says what of, `target` what a check has to find."""

    key: str
    title: str
    target: str


ROWS = (
    Row("smuggling", "Request smuggling", "150 vectors, 0 disagreements: the backend sees one request or none"),
    Row("targets", "Odd targets", "400, or handled as the RFC says; a canary server is never reached"),
    Row("captures", "Captures in proxied URLs", "authority, query and mapped path of the upstream URL never change"),
    Row("urls", "URLs handed on", "every escape in every place: 0 differ from what was sent, none passes a rule"),
    Row("files", "Files", "300 names: 0 bytes from outside, missing and forbidden look alike, 0 server errors"),
    Row("ssrf", "Hosts chosen by clients (SSRF)", "private ones are refused unless `allow-private` is set"),
    Row("content", "Stored content", "60 payloads in Chromium: 0 dialogs, 0 scripts run, a CSP on every page"),
    Row("pages", "Foreign pages", "0 let in"),
    Row("acknowledged", "Acknowledged captures", "50,000 with Redis killed in the middle: all answered 200 are stored"),
    Row(
        "redis",
        "Redis as it is run",
        "0 acknowledged lost with `redis-wait`, counted without; back 5 s after a new master",
    ),
    Row("nodes", "Many nodes", "3 servers, 6 Redis nodes: one of each killed, only requests in flight fail, 0 lost"),
    Row("reload", "Reload", "20 under load: 0 failed requests, the new table within 1 s"),
    Row("live", "Live pages", "200 edits in Chromium: 0 lost; style sheets keep scroll and input"),
    Row("one_life", "One life", "10,000 random sequences: all that is opened is closed once, 0 differ"),
    Row("workers", "Workers", "10 killed under load: only their requests in flight fail, back within 2 s"),
    Row("backends", "Backend faults", "502, 504 or a cut answer; never a clean short body; a POST is never sent twice"),
    Row("clients", "Slow clients", "1,000 closed by timeout; the p99 of others is below 100 ms"),
    Row("uploads", "Slow uploads through url", "200 at a byte a second: others are all served, none waits over 1 s"),
    Row("arrivals", "Before the first byte", "1,000 go by `header-timeout`, counted; p99 of others below 100 ms"),
    Row("memory", "Bounded memory", "the process grows less than 64 MB"),
    Row("neighbours", "Noisy neighbours", "the event loop never stalls over 100 ms"),
    Row("soak", "Soak", "memory, file descriptors and tasks return to where they began"),
    Row("connections", "Connections", "10,000 idle and 2,000 WebSockets are held; over the limit 503, then well again"),
    Row("crosstalk", "Cross-talk", "100,000 tagged requests: 0 wrong answers"),
    Row("tls", "TLS", "Mozilla's intermediate profile, by the scanner sslyze"),
    Row("fidelity", "Proxy fidelity", "byte-equal; events pass within 50 ms"),
    Row(
        "forwarding",
        "Forwarding (`reserve listen`)",
        "10,000 webhooks, the listener killed 20 times, the target down half of the time: 0 lost, in order, byte-equal",
    ),
    Row("limits", "Limits", "one below, at and above: 431, 413, 414, 1009, and an orderly end"),
    Row("logs", "Logs", "one printable line each; no secret in them"),
    Row("user_code", "User code that ends a process", "12 places: one ERROR line, the server answers the next request"),
    Row("surroundings", "Start-up in odd surroundings", "it serves or says why not in a sentence; never a signal"),
    Row("explanations", "Explanations", "10,000 random lists and requests: 0 wrong, 0 without a true reason"),
    Row("configuration", "Configuration", "10,000: a clear error, no traceback, nothing started"),
    Row("fuzzing", "Generated requests", "100,000: 0 server errors, 0 tracebacks, the same process at the end"),
)
KEYS = tuple(row.key for row in ROWS)


@dataclass(slots=True)
class Scoreboard:
    """The figures of a run and what failed in it, each by the key of its row."""

    figures: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def found(self, key: str, figure: str) -> None:
        self.figures.setdefault(key, []).append(figure)

    def failed(self, key: str, check: str) -> None:
        self.failures.setdefault(key, []).append(check)

    def passes(self, key: str) -> bool:
        return bool(self.figures.get(key)) and not self.failures.get(key)

    @property
    def passed(self) -> bool:
        return all(map(self.passes, KEYS))

    def document(self) -> dict[str, Any]:
        """The run as JSON values."""
        return {
            "date": self.began.isoformat(timespec="seconds"),
            "seconds": round((datetime.now(UTC) - self.began).total_seconds()),
            "machine": machine(),
            "rows": [
                {
                    "row": row.key,
                    "title": row.title,
                    "target": row.target,
                    "figures": self.figures.get(row.key, []),
                    "failed": self.failures.get(row.key, []),
                    "passed": self.passes(row.key),
                }
                for row in ROWS
            ],
        }

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.document(), indent=2, ensure_ascii=False) + "\n")

    def lines(self) -> list[str]:
        """The table for a terminal."""
        return [line for row in ROWS for line in self._row(row)]

    def _row(self, row: Row) -> Iterable[str]:
        yield f"{'pass' if self.passes(row.key) else 'FAIL'}  {row.title}: {row.target}"
        for text in (
            *(self.figures.get(row.key) or ["no figure"]),
            *(f"{check} failed" for check in self.failures.get(row.key, [])),
        ):
            yield from textwrap.wrap(text, 110, initial_indent=" " * 6, subsequent_indent=" " * 8)
