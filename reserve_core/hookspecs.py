"""Every hook a plugin can implement: the contract between the core and its plugins.

A plugin is a module or an object whose functions are marked with `hookimpl`, published under the entry-point group
`reserve`. The entry point's name is the plugin's name and, if it implements `redirect`, its **prefix**: the property by
which a mapping names it. An implementation may name any subset of a hook's arguments.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from .config import Configuration, Mapping
    from .events import Event
    from .explanation.prediction import Prediction
    from .http import Request, Response
    from .live_configuration import LiveConfiguration
    from .resources import Resources

PROJECT = "reserve"
hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)


@hookspec
def schema() -> dict[str, Any] | type[Any]:  # type: ignore[empty-body]
    """The mapping's own properties, the prefix's property included: a dataclass of options, or a JSON Schema.

    A dataclass has an `option` for each property; then `mapping.options` is an object of it, made before `validate`.
    A schema (draft 2020-12) is the one of an object: `properties` with a `description` each and a `default` where there
    is one, which is filled in before `validate`, and `required` if needed. Properties that aren't listed are mistakes
    unless `additionalProperties` is true. The properties every mapping has (`match`, `method`, ...) are added by the
    core and can't be described here. Objects that JSON doesn't know, such as a function given by an embedding program,
    skip the schema: `validate` checks them. Called once, at load.
    """


@hookspec
def methods() -> Iterable[str] | None:
    """The HTTP methods the handler serves; None: all of them. Called once, at load."""


@hookspec
async def validate(mapping: Mapping, configuration: Configuration) -> None:
    """Finer checks of one mapping, once its schema holds.

    May read files and import code, and keep what it makes of the options as `mapping.state`. It opens no socket, task
    or store and registers nothing: a configuration is checked without being served, too, and one that is refused
    leaves nothing behind. Raises `ConfigError` with a message and a hint; the core adds the file, the line and the
    mapping. What is legal and can't do what it says is told by `mapping.warn`. Sets `mapping.final` if `redirect`
    never leaves a request to the next mapping.
    """


@hookspec
async def validate_table(mappings: tuple[Mapping, ...], configuration: Configuration) -> None:
    """Rules over several mappings, once all of them hold by themselves.

    Called once for each handler that has a mapping among them, wherever a configuration is checked; the rules of
    `validate` hold. A `ConfigError` that is given a `mapping` is told with its file and line.
    """


@hookspec
async def lifespan(mapping: Mapping, resources: Resources) -> AsyncGenerator[None, None]:
    """Opens what a mapping needs, and closes it: an async generator that yields once.

    What stands before the `yield` runs before the mapping gets its first request: at a start, a reload, in
    `set_mappings` and in a mock. What it raises leaves everything as it was. What stands behind runs once no request
    is at work on the mapping any more, however it ended. Each server has mappings of its own: what is opened is kept
    as `mapping.state`. Both halves run in one task. See `Resources` for what is shared with other mappings, or
    carried over to those of a reload.
    """
    yield


@hookspec
async def redirect(
    request: Request,
    response: Response,
    mapping: Mapping,
    match: re.Match[str],
    redirect: Any,
    configuration: LiveConfiguration,
) -> str | int | None:
    """Answer a request, redirect it internally, or leave it to the next mapping.

    `redirect` is the value of the prefix's property with the groups of `match` interpolated. With `invert-match` there
    may be no match: then `match` is one of the empty pattern, without groups. Returns a str: start again from the first
    mapping with that URL; an int: respond with that status; None: done if the response has ended, else on to the
    next mapping. An `HTTPError` raised becomes the response; any other exception, SystemExit included, is a 500
    and an `error` event.
    """


@hookspec
def explain(request: Request, mapping: Mapping, match: re.Match[str], value: Any) -> Prediction:  # type: ignore[empty-body]
    """What `redirect` would do with a request, for `reserve explain`: asked where nothing is sent.

    `value` is what `redirect` would be given. The mapping is checked and not open: `mapping.state` is what `validate`
    has kept. Reads, and changes nothing; runs no code of the user's and asks no other server: what only that would tell
    is `Prediction.undecided`.
    """


@hookspec
def created(event: Event) -> None:
    """The server object stands and its configuration is checked; it doesn't listen yet. Must not block."""


@hookspec
def ready(event: Event) -> None:
    """The server listens: `event.url` and `event.port` say where. Must not block."""


@hookspec
def reloaded(event: Event) -> None:
    """The server has other mappings, by a reload or by `set_mappings`: those of `event.server.configuration`.

    Requests under way finish on the mappings they started with. Must not block.
    """


@hookspec
def reload_failed(event: Event) -> None:
    """A reload by a signal or `--watch` has failed, and the server goes on as it was: `event.reason` is the exception.

    It is a `ConfigError` where the configuration is wrong. Who calls `Server.reload` is told by what that raises. Must
    not block.
    """


@hookspec
def incoming(event: Event) -> None:
    """A request came in. Must not block: every request waits for it."""


@hookspec
def redirecting(event: Event) -> None:
    """A request is about to be given to a handler: `event.type` is its prefix, `event.redirect` the value."""


@hookspec
def redirected(event: Event) -> None:
    """A request has been answered: `event.status`, `event.end` and `event.time_spent` (ms)."""


@hookspec
def error(event: Event) -> None:
    """Something failed: `event.reason` is the exception. Emitted for a request or for the server as a whole."""


@hookspec
def aborted(event: Event) -> None:
    """The client went away before its request was answered, or the response was cut: then `event.reason` says why."""


@hookspec
def refused(event: Event) -> None:
    """A request was refused before any mapping saw it: malformed, over a limit, too slow. Must not block.

    `event.status` and `event.reason`, an `HTTPError`, are what the client is told; `event.request` is what has been
    received: its method, its headers and its target, which is `event.url` as it was sent. Each may be missing.
    """


@hookspec
def closed(event: Event) -> None:
    """The server has closed and answers no more."""


@hookspec
def commands(cli: click.Group) -> None:
    """Adds commands to the `reserve` command line: `@cli.command()`."""
