"""The report of a run: a table for the terminal, and JSON with every round."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .interpreter import interpreter
from .peers import Peer
from .results import By, Figures, Result

HEAD = ("req/s", "p50", "p99", "CPU", "reserve is", "by CPU", "target")

_RATIOS: dict[str, By] = {"ratio": "rate", "cpu_ratio": "cpu"}


def table(result: Result) -> str:
    """One case: a line for each server.

    `reserve is` says how many times as fast, and `by CPU` with how many times less of it, as the median of the rounds.
    """
    servers = (result.ours, *result.others)
    width = max(len(figures.label) for figures in servers)
    rows = [f"  {figures.label:<{width}}{_cells(result, figures)}" for figures in servers]
    lines = [f"{result.name}: {result.title}", f"  {'':<{width}}{_line(HEAD)}", *rows]
    return "\n".join(line.rstrip() for line in lines)


def document(results: Iterable[Result], versions: Mapping[Peer, str], method: Mapping[str, Any]) -> str:
    """The whole run as JSON. Rates are in responses per second, times in milliseconds, CPU time in microseconds."""
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


def _cells(result: Result, figures: Figures) -> str:
    if figures.refused:
        return f"  refused: {figures.refused}"
    if not figures.rounds:
        return _line(["-"] * 4)
    cells = [f"{figures.rate:,.0f}", f"{figures.p50:.2f} ms", f"{figures.p99:.2f} ms", f"{figures.cpu:,.1f} us"]
    if figures is not result.ours and result.ours.rounds:
        cells += [str(result.ratio(figures)), str(result.ratio(figures, "cpu"))]
        if figures.target is not None:
            cells.append(f"{figures.target} {'met' if result.met(figures) else 'missed'}")
    return _line(cells)


def _line(cells: Iterable[str]) -> str:
    widths = (10, 12, 12, 12, 22, 22, 18)
    return "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False))


def _case(result: Result) -> dict[str, Any]:
    servers = [_server(result, figures) for figures in (result.ours, *result.others)]
    return {"name": result.name, "title": result.title, "servers": servers}


def _server(result: Result, figures: Figures) -> dict[str, Any]:
    if not figures.rounds:  # why is for the terminal: the reason may hold paths
        return {"name": figures.name, "label": figures.label, "refused": bool(figures.refused)}
    content: dict[str, Any] = {
        "name": figures.name,
        "label": figures.label,
        "rate": round(figures.rate),
        "p50": figures.p50,
        "p99": figures.p99,
        "cpu": figures.cpu,
    }
    for name, by in _RATIOS.items():
        if figures is not result.ours and (ratio := result.ratio(figures, by)):
            content[name] = asdict(ratio)
    if figures.target is not None:
        content["target"] = {"least": figures.target.least, "by": figures.target.by, "met": result.met(figures)}
    content["rounds"] = [asdict(each) for each in figures.rounds]
    return content


def _cpu() -> str:
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), platform.machine())
