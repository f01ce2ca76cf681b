"""The hooks of a mapping, `forward-request` and `forward-response`: what they are given, and how they are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reserve_core import ConfigError, load_reference

if TYPE_CHECKING:
    from reserve_core import Headers, LiveConfiguration, Mapping, Request


@dataclass(slots=True)
class ForwardedRequest:
    """The head of the request as the upstream server will get it; a hook may change it. The url is absolute."""

    method: str
    url: str
    headers: Headers


@dataclass(slots=True)
class ForwardedResponse:
    """The head of the upstream server's response as the client will get it; a hook may change it."""

    status: int
    headers: Headers


@dataclass(slots=True)
class Forward:
    """One forwarded request and its response, as both hooks see them.

    `incoming` is the client's request, `context` the hooks' own. `response` is None until the response is here.
    """

    configuration: LiveConfiguration
    mapping: Mapping
    match: re.Match[str]
    incoming: Request
    request: ForwardedRequest
    response: ForwardedResponse | None = None
    context: dict[str, Any] = field(default_factory=dict)


ForwardHook = Callable[[Forward], Any]


def load_hook(value: Any, name: str, cwd: Path) -> ForwardHook | None:
    """The hook that is the value of the option `name`: a function, or a reference to one. Raises `ConfigError`."""
    if value is None:
        return None
    hook = load_reference(value, cwd, name.replace("-", "_")) if isinstance(value, str) else value
    if not callable(hook):
        raise ConfigError(
            f'The "{name}" {value!r} is not a function', f"Name one: def {name.replace('-', '_')}(forward)"
        )
    return hook  # type: ignore[no-any-return]


async def call_hook(hook: ForwardHook, forward: Forward) -> Any:
    """What the hook returns; it may be a coroutine function."""
    result = hook(forward)
    return await result if isawaitable(result) else result
