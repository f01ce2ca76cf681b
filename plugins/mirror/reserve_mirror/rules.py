"""The rules of a mirror: which response a request gets that meets some conditions, instead of the mirror's own.

    [{"when": {"method": "POST", "path": "/orders/*"}, "sequence": [503, 503, 200]},
     {"when": {"json.order.id": 5}, "response": {"status": 422, "body": "{{request.json.order.id}}"}},
     {"fault": {"delay": "2s"}}]

The first one holds whose conditions are all met.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from reserve_core import ConfigError, Headers

from .condition_kinds import Subject
from .conditions import RequestConditions
from .json_shapes import MirrorResponse, RequestSummary
from .mirror_response import DEFAULT, MAX_DELAY, change, is_preflight
from .response_template import ResponseTemplate

if TYPE_CHECKING:
    from reserve_fault import Fault

MAX_RULES = 100  # as the script that changes them knows
MAX_STEPS = 100
# Characters of all of them as JSON.
MAX_SIZE = 256 * 1024

_MEMBERS = ("when", "response", "sequence", "fault")
_EFFECTS = ("delay", "status", "reset", "drip", "truncate")
_TIME = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m)", re.ASCII)


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule: its responses in their order, of which the last one stays; None is the mirror's own. Either there is one
    or there is a fault, which befalls the mirror's own.
    """

    conditions: RequestConditions
    steps: tuple[ResponseTemplate | None, ...]
    fault: Fault | None = None

    def step(self, met: int) -> ResponseTemplate | None:
        """The response to a request, when so many have met the rule, that one included."""
        return self.steps[min(met, len(self.steps)) - 1]


def dump(rules: Any) -> str:
    """The rules as JSON, "" when there are none. Raises ValueError, saying which place is wrong."""
    _parse(rules)
    try:
        text = json.dumps(rules, allow_nan=False, separators=(",", ":"))
    except ValueError:  # Python reads NaN and 1e999; the pages that get the rules would not
        raise ValueError("The rules are JSON, which has no NaN and no infinity") from None
    if len(text) > MAX_SIZE:
        raise ValueError(f"The rules have up to {MAX_SIZE} characters, not {len(text)}")
    return text if rules else ""


@lru_cache(maxsize=256)
def rules_of(text: str) -> tuple[CompiledRule, ...]:
    """The rules that `dump` has written."""
    return _parse(json.loads(text))


async def rule_for(text: str, subject: Subject) -> int:
    """The number of the rule that a request meets, from 1 on; 0: it meets none of the rules that `dump` has written.

    What doesn't get the response of a mirror meets none: what was cut, a tapped request, a preflight of CORS.
    """
    summary = subject.summary
    if not text or "failure" in summary or "response" in summary or _is_preflight(summary):
        return 0
    for number, rule in enumerate(rules_of(text), 1):
        if await rule.conditions.are_met(subject):
            return number
    return 0


def status_response(status: int) -> MirrorResponse:
    """The response that is given for a status alone: its body is the reason."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = str(status)
    return {**DEFAULT, "status": status, "body": reason}


def response_of(response: Any) -> MirrorResponse:
    """The response with these members, the others as of its status alone. Raises ValueError."""
    status = response.get("status") if isinstance(response, dict) else None
    return change(status_response(status if isinstance(status, int) else DEFAULT["status"]), response)


def _is_preflight(summary: RequestSummary) -> bool:
    return is_preflight(summary["method"], Headers([(name, value) for name, value in summary["headers"]]))


def _parse(rules: Any) -> tuple[CompiledRule, ...]:
    if not isinstance(rules, list):
        raise ValueError('The rules are a list: [{"when": {"method": "POST"}, "response": {"status": 503}}]')
    if len(rules) > MAX_RULES:
        raise ValueError(f"There are up to {MAX_RULES} rules, not {len(rules)}")
    return tuple(_rule(each, f"rules[{n}]") for n, each in enumerate(rules))


def _rule(rule: Any, place: str) -> CompiledRule:
    _check_members(rule, _MEMBERS, place, "A rule")
    given = [name for name in _MEMBERS[1:] if name in rule]
    if len(given) != 1:
        raise ValueError(f"{place}: a rule has one of response, sequence and fault, not {len(given)} of them")
    (name,) = given
    conditions = _at(f"{place}.when", RequestConditions.of_json, rule.get("when", {}))
    if conditions.of_signature:
        raise ValueError(f"{place}.when: a rule can't ask for the signature, which is verified once somebody looks")
    inner = f"{place}.{name}"
    if name == "response":
        return CompiledRule(conditions, (_at(inner, _response, rule[name]),))
    if name == "fault":
        return CompiledRule(conditions, (None,), _fault(rule[name], inner))
    steps = rule[name]
    if not isinstance(steps, list) or not 1 <= len(steps) <= MAX_STEPS:
        raise ValueError(f"{inner}: a sequence is a list of 1 to {MAX_STEPS} responses: [503, 503, 200]")
    return CompiledRule(conditions, tuple(_at(f"{inner}[{n}]", _step, each) for n, each in enumerate(steps)))


def _at(place: str, parse: Any, value: Any) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _step(step: Any) -> ResponseTemplate | None:
    if step == "pass":
        return None
    if isinstance(step, dict):
        return _response(step)
    if isinstance(step, int) and not isinstance(step, bool):
        return _response({"status": step})
    raise ValueError('A step is a status, a response, or "pass" for the mirror\'s own')


def _response(response: Any) -> ResponseTemplate:
    return ResponseTemplate(response_of(response))


def _fault(effects: Any, place: str) -> Fault:
    from reserve_fault import Fault, FaultOptions

    _check_members(effects, _EFFECTS, place, "A fault")
    delay = effects.get("delay", "0s")
    span = delay if isinstance(delay, list) else [delay, delay]
    if len(span) != 2 or not all(isinstance(each, str) and _TIME.fullmatch(each) for each in span):
        raise ValueError(f'{place}.delay: a delay is a time, "300ms" or "1.5s", or two: ["100ms", "2s"]')
    for name, least, most in (("status", 200, 599), ("drip", 1, None), ("truncate", 0, None)):
        value = effects.get(name, least)
        if type(value) is not int or value < least or (most is not None and value > most):
            to = "" if most is None else f" to {most}"
            raise ValueError(f"{place}.{name}: it is a whole number from {least}{to}, not {json.dumps(value)}")
    if not isinstance(effects.get("reset", False), bool):
        raise ValueError(f"{place}.reset: it is true or false")
    try:
        fault = Fault.of(FaultOptions(**{**effects, "delay": tuple(span)}))
    except ConfigError as error:
        raise ValueError(f"{place}: {error.problems[0].message}") from None
    if fault.most > MAX_DELAY:
        raise ValueError(f"{place}.delay: it is up to {MAX_DELAY} seconds")
    return fault


def _check_members(value: Any, names: tuple[str, ...], place: str, what: str) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{place}: {what} is an object")
    unknown = next((name for name in value if name not in names), None)
    if unknown is not None:
        raise ValueError(f"{place}: {what} has no {unknown!r}: it has {', '.join(names)}")
