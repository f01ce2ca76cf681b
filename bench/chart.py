"""The picture of a run for the documentation: a bar for each server's median, as SVG without any library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from .results import By, Figures, Result, multiple

WIDTH = 800
MARGIN = 28
LABELS_END = 228
BARS_START = 240
BARS_WIDTH = 300  # of the fastest server of a case
RATIOS_END = WIDTH - MARGIN - 66
CPU_RATIOS_END = WIDTH - MARGIN
ROW = 26
BAR = 16
HEADING = 34
GAP = 20  # below a case
_RATIOS: tuple[tuple[int, str, By], ...] = ((RATIOS_END, "rate", "rate"), (CPU_RATIOS_END, "CPU", "cpu"))

# A picture shows what people compare servers by, not all that is measured.
CASES = ("hello", "small-file", "large-file", "proxy-hello", "asgi", "websocket", "capture-redis")

# The picture brings its background, so that it's readable wherever the page's theme and the system's differ.
STYLE = """
  text { font: 14px system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; fill: #20242e }
  .heading { font-size: 16px; font-weight: 600 }
  .dim { fill: #5d6573; font-size: 13px }
  .ours { font-weight: 600 }
  .end { text-anchor: end }
  .back { fill: #ffffff; stroke: #d9dde5 }
  .bar { fill: #aab2c0 }
  .our-bar { fill: #3f51b5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8eaf0 }
    .dim { fill: #a5adbb }
    .back { fill: #1e2129; stroke: #3a404d }
    .bar { fill: #5f6878 }
    .our-bar { fill: #8c9eff }
  }
"""


def draw(results: Sequence[Result], machine: Mapping[str, Any]) -> str:
    """The picture of the results of `CASES`. The bars of a case share a scale, those of different cases don't."""
    results = [result for result in results if result.name in CASES]
    body: list[str] = []
    y = MARGIN
    for result in results:
        body += _case(result, y)
        y += HEADING + ROW * (1 + len(result.others)) + GAP
    notes = [
        "Bars: responses per second, median of the rounds; longer is better. Each case has its own scale.",
        "Right: how many times as fast reserve is, and with how many times less CPU time (1.00x is equal).",
        f"One core for the server, one for the client: {machine['cpu']}, Python {machine['python']}.",
    ]
    body += [_text(MARGIN, y + 8 + 18 * line, note, "dim") for line, note in enumerate(notes)]
    height = y + 8 + 18 * len(notes) + 8
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            'role="img">',
            "<title>reserve and its peers: responses per second</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="back" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *body,
            "</svg>\n",
        ]
    )


def _case(result: Result, y: int) -> Iterator[str]:
    servers = (result.ours, *result.others)
    fastest = max((figures.rate for figures in servers if figures.rounds), default=1.0)
    yield _text(MARGIN, y + 12, result.title[0].upper() + result.title[1:], "heading")
    if result.others:
        yield from (_text(end, y + 12, head, "end dim") for end, head, _ in _RATIOS)
    y += HEADING
    for figures in servers:
        yield from _server(result, figures, fastest, y)
        y += ROW


def _server(result: Result, figures: Figures, fastest: float, y: int) -> Iterator[str]:
    ours = figures is result.ours
    baseline = y + BAR - 3
    yield _text(LABELS_END, baseline, figures.label, "end ours" if ours else "end")
    if not figures.rounds:
        yield _text(BARS_START, baseline, "not measured", "dim")
        return
    width = max(1.0, BARS_WIDTH * figures.rate / fastest)
    style = "our-bar" if ours else "bar"
    yield f'<rect class="{style}" x="{BARS_START}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>'
    yield _text(BARS_START + width + 8, baseline, f"{figures.rate:,.0f}", "ours" if ours else "")
    for end, _, by in _RATIOS:
        if not ours and (ratio := result.ratio(figures, by)):
            yield _text(end, baseline, f"{multiple(ratio.median)}x", "end dim")


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(text)}</text>'
