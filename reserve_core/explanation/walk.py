"""Walks the table for a request: no code of the user's runs, and nothing is sent.

What only running would tell is undecided: the walk goes on both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..errors import HTTPError
from ..failures import describe
from .prediction import Prediction
from .reasons import why_passed_over
from .steps import Explanation, Step

if TYPE_CHECKING:
    import re

    from ..config import Configuration, Mapping
    from ..http import Request

End = tuple[Literal["responds", "undecided", "nothing"], int | None]


def explain(configuration: Configuration, request: Request) -> Explanation:
    """How the mappings of `configuration` would treat `request`.

    Where code decides (`if-match`, a function, an upstream server), the steps say so and go on both ways: as if it did,
    and as if it didn't. What an undecided redirect leads to comes last. `request` may have another URL afterwards.
    """
    method, url = request.method, request.url
    walk = _Walk(configuration, request)
    outcome, status = walk.run(url)
    while walk.branches:
        request.set_url(walk.branches.pop(0))
        if request.url not in walk.begun:
            walk.run(request.url)
    return Explanation(method, url, outcome, status, tuple(walk.steps))


class _Walk:
    def __init__(self, configuration: Configuration, request: Request) -> None:
        self.steps: list[Step] = []
        self.branches: list[str] = []  # URLs of redirects that may happen
        self.begun: set[str] = set()  # URLs with which the walk began at the first mapping
        self._configuration = configuration
        self._request = request

    def run(self, url: str) -> End:
        """Goes through the mappings, from redirect to redirect, until one responds for sure."""
        decided = True
        restarts = 0
        while True:
            self.begun.add(url)
            end: Step | None = None
            redirect: str | None = None  # a step's own is one to show, without secrets
            for mapping in self._configuration.mappings:
                step, redirect = self._step(mapping, url)
                self.steps.append(step)
                if step.outcome in ("responds", "redirects"):
                    end = step
                    break
                if step.outcome == "undecided":
                    decided = False
                    if redirect is not None:
                        self.branches.append(redirect)
            if end is None:
                return ("nothing", 501) if decided else ("undecided", None)
            if redirect is None:
                return ("responds", end.status) if decided else ("undecided", None)
            restarts += 1
            self._request.set_url(redirect)
            url = self._request.url
            # Nothing but the URL decides here: one that comes again comes for ever.
            if restarts > self._configuration.max_redirect or url in self.begun:
                return ("responds", 508) if decided else ("undecided", None)

    def _step(self, mapping: Mapping, url: str) -> tuple[Step, str | None]:
        """The step of a mapping, and the URL that it has the request begin anew with."""
        request = self._request
        try:
            reason = why_passed_over(mapping, request.method, url, request.hostname)
            match = None if reason is not None else mapping.match(request.method, url, request.hostname)
        except HTTPError as error:
            return Step.of(mapping, url, "responds", "match", error.reason, status=error.status), None
        if reason is not None:
            return Step.of(mapping, url, "passed-over", *reason), None
        assert match is not None
        value = mapping.value if mapping.template is None else mapping.template(match)
        prediction = _predict(request, mapping, match, value)
        outcome, why, text = prediction.outcome, "handler", prediction.text
        if mapping.if_match is not None:
            outcome, why, text = "undecided", "if-match", f"if {condition_name(mapping)} says so: {text}"
        redirect, status = prediction.redirect, prediction.status
        return Step.of(mapping, url, outcome, why, text, value=value, redirect=redirect, status=status), redirect


def _predict(request: Request, mapping: Mapping, match: re.Match[str], value: Any) -> Prediction:
    """What the handler of `mapping` would do, as far as it tells."""
    prefix, hook = mapping.handler.prefix, mapping.handler.explain
    if hook is None:
        return Prediction.undecided(f"only {prefix} knows what it does")
    request.mapping = mapping
    try:
        prediction = hook(request, mapping, match, value)
    except Exception as error:
        return Prediction.undecided(f"{prefix} fails to explain itself: {describe(error)}")
    if not isinstance(prediction, Prediction):
        return Prediction.undecided(f"{prefix} explains itself with {prediction!r}, which is no Prediction")
    return prediction


def condition_name(mapping: Mapping) -> str:
    """An `if-match` as it is written; of a function that a program gave, its name."""
    written = mapping.get("if-match")
    return written if isinstance(written, str) else getattr(written, "__qualname__", repr(written))
