"""Answers with a function of your own.

    { "match": "^/hello/(.*)", "custom": "./hello.py" }

where hello.py has

    def handler(request, response, name):
        return [f"Hello {name}", {"status": 200, "headers": {"x-greeting": "yes"}}]

It may as well use the response itself, redirect by returning a URL or a status, or leave the request to the next
mapping by returning nothing.
"""

from __future__ import annotations

import re
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from reserve_core import ConfigError, hookimpl, send

from .function import DEFAULT_NAME, Function, fixed_response, parse_response, prepare_function, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reserve_core import LiveConfiguration, Mapping, Prediction, Request, Response

    from .options import Options
    from .watched_function import WatchedFunction

# What a function returns at once; anything else may have to be awaited first.
_PLAIN = frozenset((type(None), str, int, list, tuple))


@hookimpl
def schema() -> type[Options]:
    from .options import Options

    return Options


@hookimpl
async def validate(mapping: Mapping) -> None:
    """Finds the function and keeps it as state. Warns when it wants more groups than there are."""
    from reserve_core import Reference

    value = mapping.value
    options: Options = mapping.options
    prepared = prepare_function
    if options.thread:
        from .threaded_function import prepare_threaded as prepared
    if options.watch:
        if not isinstance(value, str):
            raise ConfigError('"watch" is for code in a file', 'Name it as "./file.py:name", or leave "watch" out')
        from .watched_function import WatchedFunction

        mapping.state = WatchedFunction(Reference(value, mapping.cwd, DEFAULT_NAME), prepared)
    elif isinstance(value, str):
        mapping.state = prepared(Reference(value, mapping.cwd, DEFAULT_NAME).load(), value)
    elif isinstance(value, list | tuple):
        mapping.state = _array(mapping, value)
        mapping.template = None
        mapping.final = True
    else:
        mapping.state = prepared(value)
    if options.interpolate and not isinstance(value, list | tuple):
        raise ConfigError('"interpolate" is for an array', "A function gets the groups as arguments; leave it out")
    function = mapping.state.current()
    groups = 0 if mapping.invert else mapping.pattern.groups
    if function.least > groups:
        mapping.warn(
            f"{function.name} takes {_groups(function.least)}, and the match has {_groups(groups)}",
            "Add groups, ^/(.*)/(.*), or give the parameters defaults",
            "custom",
        )


def _array(mapping: Mapping, array: Sequence[Any]) -> Function:
    """The function of an array. Warns of groups in it that the match doesn't have, or that aren't put in."""
    options: Options = mapping.options
    if options.interpolate:
        from .interpolated_response import interpolated_response

        mapping.warn_of_groups(list(array), "custom")
        return interpolated_response(array)
    if options.interpolate is None and (group := _group_in(mapping, array)) is not None:
        mapping.warn(
            f'"custom": an array is sent as it is, and there is ${group} in this one',
            'Write "interpolate": true to have groups put in, or "interpolate": false if it is meant so',
            "custom",
        )
    return fixed_response(array)


def _group_in(mapping: Mapping, array: Sequence[Any]) -> int | str | None:
    """A group of the match that `array` names, if there is one."""
    if mapping.invert or mapping.template is None:  # there is none in it
        return None
    import json

    from reserve_core.kit import split_template

    there = {*range(1, mapping.pattern.groups + 1), *mapping.pattern.groupindex}
    return next((group for group in split_template(json.dumps(array, default=str))[1] if group in there), None)


def _groups(count: int) -> str:
    return "one group" if count == 1 else f"{count or 'no'} groups"


@hookimpl
async def redirect(
    request: Request,
    response: Response,
    mapping: Mapping,
    match: re.Match[str],
    redirect: Any,
    configuration: LiveConfiguration,
) -> str | int | None:
    state: Function | WatchedFunction = mapping.state
    function = state.current()
    if function.most == 0:
        result = function.call(request, response)
    else:
        result = function.call(request, response, *function.arguments(match))
    if result.__class__ not in _PLAIN and isawaitable(result):
        result = await result
    if isinstance(result, list | tuple):
        body, status, headers = parse_response(result, function.name)
        await send(response, body, status, headers)
        return None
    if result is None or isinstance(result, str) or (isinstance(result, int) and not isinstance(result, bool)):
        return result
    raise TypeError(
        f"{function.name} returned {short(result)}: a handler returns None, a URL (str), a status (int),"
        " or a list [body, {'status': ..., 'headers': ...}]"
    )


@hookimpl
def explain(mapping: Mapping) -> Prediction:
    from reserve_core import Prediction

    function = mapping.state.current()
    if isinstance(mapping.value, list | tuple):
        _, status, _ = parse_response(mapping.value, function.name)
        filled_in = ", with the groups of the match" if mapping.options.interpolate else ""
        return Prediction.responds(f"what stands there{filled_in}", status or 200)
    return Prediction.undecided(f"{function.name} decides")
