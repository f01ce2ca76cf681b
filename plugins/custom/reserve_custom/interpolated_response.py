"""`interpolate: true`: a response that stands in the configuration, with the groups of the match put in."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any, cast

from reserve_core import Request, Response, interpolate
from reserve_core.kit import HeaderTemplate

from .function import Function, fixed_response

Match = re.Match[str]


class _WithMatch(Function):
    """A function whose one argument is the match itself."""

    def arguments(self, match: Match) -> list[Any]:
        return [match]


def interpolated_response(array: Sequence[Any]) -> Function:
    """A function that returns `array`, the value of a configuration, with the groups of the match in its strings.

    Headers encode what can't stand in them, text of HTML is escaped. Raises `ConfigError` for a wrong array, and for
    headers that can't be sent.
    """
    fixed = fixed_response(array)
    body, options = fixed.call(None, None)
    templates = [HeaderTemplate(name, value) for name, value in options["headers"] or ()]
    is_html = any(each.name.lower() == "content-type" and "html" in (each.fixed or "html") for each in templates)

    def respond(request: Request, response: Response, match: Match) -> list[Any]:
        headers = [(template.name, template.value(request, match)) for template in templates]
        return [
            interpolate(cast("Match", _Escaped(match)) if is_html else match, body),
            {"status": options["status"], "headers": headers},
        ]

    return _WithMatch(fixed.name, respond, most=None)


class _Escaped:
    """A match whose groups are text of HTML: they are a stranger's."""

    def __init__(self, match: Match) -> None:
        self._match = match

    def __getitem__(self, group: int | str) -> str:
        return html.escape(self._match[group] or "")

    def group(self, *groups: int | str) -> tuple[str, ...]:
        return tuple(self[group] for group in groups)
