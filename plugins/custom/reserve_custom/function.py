"""The functions that `custom` calls: how each one is called, and what the lists they return mean."""

from __future__ import annotations

import inspect
import re
import reprlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from reserve_core import ConfigError

GivenHeaders = dict[str, str] | Sequence[tuple[str, str]]

# The request and the response: what every function gets before the groups.
_FIRST = 2

DEFAULT_NAME = "handler"

# Functions that run in threads at once, of all mappings.
THREADS = 32

# What a list may say beside its body.
_OPTIONS = frozenset(("status", "headers", "statusCode"))  # as in REserve


class Function(NamedTuple):
    """A function, with the groups it takes: at least `least` and at most `most` (None: all there are)."""

    name: str
    call: Callable[..., Any]
    least: int = 0
    most: int | None = 0

    def current(self) -> Function:
        """The function to call now: itself. One that is watched may be another one."""
        return self

    def arguments(self, match: re.Match[str]) -> list[str]:
        """The groups of `match`, decoded; '' for one that took no part in it, or that the function wants beyond."""
        values = [unquote(value) if "%" in value else value for value in match.groups("")[: self.most]]
        return values if len(values) >= self.least else values + [""] * (self.least - len(values))


def prepare_function(target: Any, name: str | None = None) -> Function:
    """How to call `target`, a function or any other callable; a class is instantiated first, without arguments.

    `name` is what messages call it. Raises `ConfigError` for what can't be called with a request and a response.
    """
    name = name or _name(target)
    if inspect.isclass(target):
        target = _instance(target, name)
    if not callable(target):
        raise ConfigError(
            f"{name} is not a function, but {_article(type(target).__name__)}",
            "Name a function: def handler(request, response, *groups)",
        )
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):  # a function in C may hide it
        return Function(name, target)
    parameters = signature.parameters.values()
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = sum(each.default is each.empty for each in positional)
    takes_all = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    function = Function(name, target, max(needed - _FIRST, 0), None if takes_all else max(len(positional) - _FIRST, 0))
    try:
        signature.bind(None, None, *[""] * function.least)
    except TypeError as error:
        raise ConfigError(
            f"{name}{signature} can't be called with a request and a response: {error}",
            "Write def handler(request, response, *groups)",
        ) from error
    return function


def fixed_response(array: Sequence[Any]) -> Function:
    """A function that always returns `array`, the value of a configuration. Raises `ConfigError` for a wrong one."""
    try:
        body, status, headers = parse_response(array, '"custom"')
    except TypeError as error:
        raise ConfigError(str(error), 'Write [body, {"status": 200, "headers": {}}]') from error
    if isinstance(headers, dict):
        # JSON knows no pairs: an array is several headers of one name.
        fields: dict[str, Any] = {**headers}
        lists = ((name, value if isinstance(value, list) else [value]) for name, value in fields.items())
        headers = [
            (name, value if isinstance(value, str) else str(value)) for name, values in lists for value in values
        ]
    fixed = [body, {"status": status, "headers": headers}]
    return Function('"custom"', lambda request, response: fixed)


def parse_response(returned: Sequence[Any], name: str) -> tuple[Any, int | None, GivenHeaders | None]:
    """Body, status and headers of a list `[body, options]` that the function `name` returned; both may be left out.

    Raises TypeError for anything else.
    """
    if len(returned) < 2:
        return (returned[0] if returned else None), None, None
    options = returned[1]
    if len(returned) > 2 or not isinstance(options, dict):
        raise TypeError(f"{name} answered with {short(returned)}: a list is [body] or [body, options], options a dict")
    status = options.get("status", options.get("statusCode"))
    headers = options.get("headers")
    if not options.keys() <= _OPTIONS:
        unknown = ", ".join(repr(option) for option in options if option not in _OPTIONS)
        raise TypeError(f"{name} answered with the option {unknown}: there are 'status' and 'headers'")
    if status is not None and (not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 999):
        raise TypeError(f"{name} answered with the status {short(status)}: it is an int from 200 on")
    if headers is not None and not isinstance(headers, dict | list | tuple):
        raise TypeError(f"{name} answered with the headers {short(headers)}: they are a dict, or a list of pairs")
    return returned[0], status, headers


def short(value: Any) -> str:
    """A value as messages show it."""
    return reprlib.repr(value)


def _instance(target: type, name: str) -> Any:
    if not any("__call__" in vars(base) for base in target.__mro__):
        raise ConfigError(f"{name} is a class without __call__", "Give it one, or name a function")
    try:
        return target()
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException as error:
        raise ConfigError(
            f"{name} can't be instantiated: {type(error).__name__}: {error}",
            "A class is called without arguments; name a function or an instance instead",
        ) from error


def _name(target: Any) -> str:
    name = getattr(target, "__qualname__", None)
    return f"{target.__module__}.{name}" if name else f"The {type(target).__name__} object"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
