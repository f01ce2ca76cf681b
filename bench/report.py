"""The report of a run: a table for the terminal, and JSON with every round."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .peers import Peer
from .results import Figures, Result

HEAD = ("req/s", "p50", "p99", "reserve is", "target")


def table(result: Result) -> str:
    """One case: a line for each server. `reserve is` says how many times as fast, as the median of the rounds."""
    rows = [_row(result, figures) for figures in (result.ours, *result.others)]
    reported = [_line(name, [f"{rate:,.0f}"]) for name, rate in result.reported.items()]
    lines = [f"{result.name}: {result.title}", _line("", HEAD), *rows, *reported]
    return "\n".join(line.rstrip() for line in lines)


def document(results: Iterable[Result], versions: Mapping[Peer, str], method: Mapping[str, Any]) -> str:
    """The whole run as JSON. Rates are in requests per second, times in milliseconds."""
    content = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "method": dict(method),
        "peers": {peer.name: version or None for peer, version in versions.items()},
        "cases": [_case(result) for result in results],
    }
    return json.dumps(content, indent=2) + "\n"


def machine() -> dict[str, Any]:
    """What the figures depend on; nothing that names the machine or its owner."""
    return {
        "system": platform.system(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "python": interpreter(),
        **{name: version(name) for name in ("uvloop", "httptools", "tornado")},
    }


def interpreter() -> str:
    """The Python and where it comes from: two builds of one version differ by half (3.11.2 of Debian GNU/Linux)."""
    version = platform.python_version()
    if sys.base_prefix != "/usr":
        return f"{version} of its own build"
    try:
        return f"{version} of {platform.freedesktop_os_release()['NAME']}"
    except (OSError, KeyError):
        return f"{version} of the system"


def _row(result: Result, figures: Figures) -> str:
    if figures.refused:
        return f"  {figures.label:<28} refused: {figures.refused}"
    if not figures.rounds:
        return _line(figures.label, ["-"] * 3)
    cells = [f"{figures.rate:,.0f}", f"{figures.p50:.2f} ms", f"{figures.p99:.2f} ms"]
    ratio = None if figures is result.ours else result.ratio(figures)
    if ratio:
        cells.append(str(ratio))
    if figures.target is not None and ratio:
        cells.append(f"{figures.target:g}x {'met' if result.met(figures) else 'missed'}")
    return _line(figures.label, cells)


def _line(name: str, cells: Iterable[str]) -> str:
    widths = (10, 12, 12, 22, 14)
    return f"  {name:<28}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False))


def _case(result: Result) -> dict[str, Any]:
    servers = [_server(result, figures) for figures in (result.ours, *result.others)]
    content: dict[str, Any] = {"name": result.name, "title": result.title, "servers": servers}
    if result.reported:
        content["reported"] = dict(result.reported)
    return content


def _server(result: Result, figures: Figures) -> dict[str, Any]:
    if not figures.rounds:  # why is for the terminal: the reason may hold paths
        return {"name": figures.name, "refused": bool(figures.refused)}
    content: dict[str, Any] = {
        "name": figures.name,
        "rate": round(figures.rate),
        "p50": figures.p50,
        "p99": figures.p99,
    }
    if figures is not result.ours and (ratio := result.ratio(figures)):
        content["ratio"] = {"median": ratio.median, "low": ratio.low, "high": ratio.high}
    if figures.target is not None:
        content |= {"target": figures.target, "met": result.met(figures)}
    content["rounds"] = [{"rate": each.rate, "p50": each.p50, "p99": each.p99} for each in figures.rounds]
    return content


def _cpu() -> str:
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), platform.machine())
