"""The JSON Schema (draft 2020-12) of a configuration, composed from the core's settings and the handlers' own parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping as Dict
from typing import Any

from ..limits import LIMITS
from .handler import Handler
from .names import misspellings
from .properties import COMMENTS, MAPPING_PROPERTIES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_PATH_OR_PATHS: dict[str, Any] = {
    "description": "Configurations to take over: own settings win, extended mappings come last",
    "type": ["string", "array"],
    "items": {"type": "string"},
}

SETTINGS: dict[str, dict[str, Any]] = {
    "$schema": {"description": "The schema of this file, for editors", "type": "string"},
    "extends": _PATH_OR_PATHS,
    "extend": {**_PATH_OR_PATHS, "deprecated": True},
    "port": {
        "description": 'The port to listen on; 0 or "auto" takes a free one',
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": 65535}, {"const": "auto"}],
        "default": 5000,
    },
    "hostname": {
        "description": "The address to listen on: 0.0.0.0 for all of IPv4",
        "type": "string",
        "minLength": 1,
        "default": "127.0.0.1",
    },
    "cwd": {
        "description": "The folder the mappings' paths are relative to; by default the folder of this file",
        "type": "string",
        "minLength": 1,
    },
    "max-redirect": {
        "description": "The internal redirects a request may take before it is answered with 508",
        "type": "integer",
        "minimum": 0,
        "maximum": 1000,
        "default": 10,
    },
    "ssl": {
        "description": "Serves https with this certificate",
        "type": "object",
        "properties": {
            "cert": {"description": "The certificate's file, PEM, with its chain", "type": "string"},
            "key": {"description": "The private key's file, PEM, not encrypted", "type": "string"},
            **COMMENTS,
        },
        "required": ["cert", "key"],
        "additionalProperties": False,
    },
    "trusted-proxies": {
        "description": "Addresses and networks of the proxies in front of this server: what they say of a client in"
        " X-Forwarded-For, -Proto and -Host, or in Forwarded, is believed",
        "type": "array",
        "items": {"description": "An IP address, or a network: 10.0.0.0/8", "type": "string"},
        "default": [],
    },
    "handlers": {
        "description": "Own handlers: the prefix and the file or module of each",
        "type": "object",
        "properties": COMMENTS,
        "additionalProperties": {"description": 'A handler: "./file.py" or "package.module:name"', "type": "string"},
    },
    "listeners": {
        "description": "Functions called with the server before it listens",
        "type": "array",
        "items": {"description": 'A function: "./file.py:name" or "package.module:name"', "type": "string"},
    },
    "mappings": {
        "description": "What is served: for each request the mappings are tried in this order",
        "type": "array",
    },
    "limits": {**LIMITS.schema, "properties": {**LIMITS.schema["properties"], **COMMENTS}},
    **COMMENTS,
}


def compose_schema(handlers: Dict[str, Handler]) -> dict[str, Any]:
    """The schema of a whole configuration file with these handlers, made for an editor.

    A mapping is completed with what every mapping has and, until it names a handler, with the prefixes; once it does,
    with the properties of that handler and no other. Handlers that the file brings along, itself or by what it
    extends, are not known here: mappings with their prefixes are accepted as they are.
    """
    return {
        "$schema": DIALECT,
        "title": "reserve configuration",
        "description": "What a server of reserve serves, and where it listens",
        **core_schema(),
        "properties": {**SETTINGS, "mappings": {**SETTINGS["mappings"], "items": _any_mapping(handlers)}},
        "if": {"not": _any_of_them(("handlers", "extends", "extend"))},
        "then": {"properties": {"mappings": {"items": _any_of_them(handlers)}}},
        "$defs": {prefix: _definition(handler) for prefix, handler in handlers.items()},
    }


def core_schema() -> dict[str, Any]:
    """The schema of a configuration without its mappings."""
    return {"type": "object", "properties": SETTINGS, "additionalProperties": False}


def mapping_schema(handler: Handler) -> dict[str, Any]:
    """The schema of a mapping with this handler: the handler's own with the properties every mapping has."""
    own = handler.schema
    return {
        "additionalProperties": False,
        **own,
        "type": "object",
        "properties": {**own["properties"], **MAPPING_PROPERTIES},
        "required": [handler.prefix, *(name for name in own.get("required", ()) if name != handler.prefix)],
    }


def takes_others(handler: Handler) -> bool:
    """Whether its mappings may have members of their own, beside the properties that are listed."""
    return handler.schema.get("additionalProperties", False) is not False


def _any_mapping(handlers: Dict[str, Handler]) -> dict[str, Any]:
    """The schema of a mapping whose handler is the one that its prefix names."""
    prefixes = {prefix: {"$ref": f"#/$defs/{prefix}/properties/{prefix}"} for prefix in handlers}
    return {
        "title": "mapping",
        "type": "object",
        "allOf": [
            *({"if": _names(prefix, handlers), "then": {"$ref": f"#/$defs/{prefix}"}} for prefix in handlers),
            {"if": {"not": _any_of_them(handlers)}, "then": {"properties": {**prefixes, **MAPPING_PROPERTIES}}},
        ],
    }


def _names(prefix: str, handlers: Dict[str, Handler]) -> dict[str, Any]:
    """The schema of a mapping that names this handler: not one that has the prefix as a property of its own, or as a
    member that the handler doesn't take (see `_Kind.has_as_member` of the compiler)."""
    owners = [name for name, other in handlers.items() if name != prefix and prefix in other.schema["properties"]]
    others = [name for name, other in handlers.items() if name not in (prefix, *owners) and takes_others(other)]
    is_taken = {"properties": {prefix: {"$ref": f"#/$defs/{prefix}/properties/{prefix}"}}}
    elsewhere = [
        *([_any_of_them(owners)] if owners else ()),
        *([{**_any_of_them(others), "not": is_taken}] if others else ()),
    ]
    return {"required": [prefix], **({"not": {"anyOf": elsewhere}} if elsewhere else {})}


def _any_of_them(names: Iterable[str]) -> dict[str, Any]:
    """The schema of an object that has one of these properties, or more."""
    alternatives = [{"required": [name]} for name in names]
    return {"anyOf": alternatives} if alternatives else {"not": {}}


def _definition(handler: Handler) -> dict[str, Any]:
    """The handler's part of the whole, its references to parts of itself included.

    With an `$id` these could stay, but editors such as VS Code look them up from the root all the same.
    """
    schema = mapping_schema(handler)
    if schema["additionalProperties"] is not False and "patternProperties" not in schema:
        schema["allOf"] = [*schema.get("allOf", ()), *_without_misspellings(handler, schema["properties"])]
    own = schema if "$id" in schema else _moved(schema, f"#/$defs/{handler.prefix}")
    return {"title": handler.prefix, **own}


def _without_misspellings(handler: Handler, known: Collection[str]) -> Iterator[dict[str, Any]]:
    """What holds a mapping with members of its own to the names of the `known` properties that it doesn't have."""
    for name in known:
        if name != handler.prefix:
            refused = {"not": {}, "description": f'Did you mean "{name}"?', "errorMessage": f'Did you mean "{name}"?'}
            pattern = misspellings(name, known)
            yield {"if": {"not": {"required": [name]}}, "then": {"patternProperties": {pattern: refused}}}


def _moved(part: Any, place: str) -> Any:
    """A part of a schema with its references to `#` leading to `place`."""
    if isinstance(part, list):
        return [_moved(member, place) for member in part]
    if not isinstance(part, dict):
        return part
    moved = {name: _moved(member, place) for name, member in part.items()}
    reference = moved.get("$ref")
    if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
        moved["$ref"] = place + reference[1:]
    return moved
