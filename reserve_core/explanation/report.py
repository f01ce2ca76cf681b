"""An explanation as text for people."""

from __future__ import annotations

from .reasons import alternatives
from .steps import Explanation, Step, shortened

_OUTCOMES = {
    "passed-over": "-",
    "passes": "passes it on",
    "responds": "RESPONDS",
    "redirects": "redirects",
    "undecided": "may respond",
}


def report(explanation: Explanation) -> str:
    """The steps in columns, each way through the table under its URL, and what comes of it."""
    rows = [row(step) for step in explanation.steps]
    widths = [max(map(len, column)) for column in zip(*(cells[:-1] for cells in rows), strict=True)] if rows else []
    lines: list[str] = []
    url = None
    for step, cells in zip(explanation.steps, rows, strict=True):
        if step.url != url:
            lines += ["", f"{explanation.method} {step.url}"] if lines else [f"{explanation.method} {step.url}"]
            url = step.url
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
        lines.append(f"  {'  '.join((*padded, cells[-1]))}".rstrip())
    return "\n".join((*(lines or [f"{explanation.method} {explanation.url}"]), "", end(explanation)))


def row(step: Step) -> tuple[str, str, str, str]:
    """The cells of a step: where, what, what becomes of it, and why."""
    value = "" if step.value is None or step.outcome == "passed-over" else f" {shortened(step.value)}"
    status = "" if step.status is None else f" {step.status}"
    spent = "" if step.time_spent is None else f" ({step.time_spent:.3g} ms)"
    text = "" if step.text == status.strip() else step.text
    return step.place, f"{step.prefix}{value}", f"{_OUTCOMES[step.outcome]}{status}", f"{text}{spent}".strip()


def end(explanation: Explanation) -> str:
    """What comes of the request, in a sentence."""
    if explanation.outcome == "nothing":
        return f"No mapping responds: the client gets {explanation.status}"
    last = explanation.steps[-1]
    status = "" if last.status is None else f" with {last.status}"
    if explanation.outcome == "undecided":
        places = list(dict.fromkeys(step.place for step in explanation.steps if step.outcome == "undecided"))
        otherwise = f"{last.place} responds{status}" if last.outcome == "responds" else "no mapping does: 501"
        return f"{alternatives(places)} may respond, else {otherwise}; --run really asks"
    if last.outcome == "redirects":
        return f"The redirects don't end: the client gets {explanation.status}"
    return f"{last.place} responds{status}"
