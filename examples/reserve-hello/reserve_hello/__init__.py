"""Greets whom the mapping names.

{ "match": "^/hello/(.*)", "hello": "$1", "greeting": "Hello {}!" }
"""

from __future__ import annotations

from dataclasses import dataclass

from reserve_core import ConfigError, Mapping, Response, hookimpl, option


@dataclass(frozen=True, slots=True)
class Options:
    """What a mapping may hold: checked before the server starts."""

    hello: str = option(
        "Whom to greet; the world when it is empty",
    )
    greeting: str = option(
        "The response; {} is where the name goes",
        default="Hello {}!",
    )


@dataclass(frozen=True, slots=True)
class Greeting:
    """A greeting taken apart: what comes before the name and what after it."""

    before: str
    after: str


@hookimpl
def schema() -> type[Options]:
    """The options: `mapping.options` is an object of them."""
    return Options


@hookimpl
def methods() -> list[str]:
    """Requests with another method are left to the next mapping."""
    return ["GET", "HEAD"]


@hookimpl
async def validate(mapping: Mapping) -> None:
    """Checks what the options can't say, and prepares once what each request needs.

    The core adds the file, the line and the mapping to the message. Nothing is opened
    here: connections and background work belong into the hook `lifespan`.
    """
    options: Options = mapping.options
    before, found, after = options.greeting.partition("{}")
    if not found:
        raise ConfigError(
            '"greeting" has no place for the name',
            "Write {} where it goes",
        )
    mapping.state = Greeting(before, after)


@hookimpl
async def redirect(response: Response, mapping: Mapping, redirect: str) -> None:
    """Answers a request.

    `redirect` is the value of "hello", with the groups of the match put in. Without
    a response the request goes on to the next mapping; returned instead, a str is
    another URL to start again with, and an int the status of the response.
    """
    greeting: Greeting = mapping.state
    response.send(f"{greeting.before}{redirect or 'World'}{greeting.after}\n")
