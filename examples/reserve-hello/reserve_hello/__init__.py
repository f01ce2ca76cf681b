"""The prefix `hello`: greets whom the mapping names.

`{ "match": "^/hello/(.*)", "hello": "$1", "greeting": "Hi" }`
"""

from __future__ import annotations

from typing import Any

from reserve_core import ConfigError, Mapping, Response, hookimpl


@hookimpl
def schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "hello": {"type": "string", "description": "Whom to greet; nobody in particular when it is empty"},
            "greeting": {"type": "string", "description": "The word to greet with", "default": "Hello"},
        },
    }


@hookimpl
def methods() -> list[str]:
    return ["GET", "HEAD"]


@hookimpl
async def validate(mapping: Mapping) -> None:
    """What a schema can't say. The core adds the file, the line and the mapping to the message."""
    if not mapping["greeting"].strip():
        raise ConfigError("the greeting is empty", 'leave it out for "Hello", or write a word')


@hookimpl
async def redirect(response: Response, mapping: Mapping, redirect: str) -> None:
    """`redirect` is the value of `hello`, with what the match captured in it."""
    response.send(f"{mapping['greeting']} {redirect or 'World'}!\n")
