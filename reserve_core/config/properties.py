"""The properties that every mapping has, whatever its handler, as JSON Schema."""

from __future__ import annotations

from typing import Any

# What anybody may write into a configuration for others to read, where JSON's own tools know no comments.
COMMENTS: dict[str, dict[str, Any]] = {
    "//": {"description": "A comment, without effect"},
    "$comment": {"description": "A comment, without effect"},
}

_FLAGS = {"description": "i: any case, m: multiline, s: a dot matches all", "type": "string"}

MAPPING_PROPERTIES: dict[str, dict[str, Any]] = {
    "match": {
        "description": "The URLs the mapping applies to: a path (/books/:id) or a regular expression on path and query",
        "type": ["string", "object"],
        "properties": {"re": {"description": "A regular expression", "type": "string"}, "flags": _FLAGS},
        "required": ["re"],
        "additionalProperties": False,
        "default": "(.*)",
    },
    "host": {
        "description": "The hosts the mapping applies to: a name, *.name for all below it, an array of such names, or "
        "a regular expression; all by default",
        "type": ["string", "array", "object"],
        "items": {"description": "A name, or *.name; a regular expression stands alone", "type": "string"},
        "properties": {
            "re": {"description": "A regular expression on the host, in any case", "type": "string"},
            "flags": _FLAGS,
        },
        "required": ["re"],
        "additionalProperties": False,
    },
    "method": {
        "description": "The HTTP methods the mapping applies to, an array or a list with commas; all by default",
        "type": ["string", "array"],
        "items": {"type": "string"},
    },
    "invert-match": {
        "description": "Applies the mapping to the requests that method, host and match do not select together",
        "type": "boolean",
        "default": False,
    },
    "if-match": {
        "description": "A function of request, URL and match that says whether the mapping applies",
        "type": "string",
    },
    "cwd": {
        "description": "The folder the mapping's paths are relative to; by default the folder of its file",
        "type": "string",
        "minLength": 1,
    },
    "exclude-from-holding-list": {"description": "Accepted for REserve, without effect", "type": "boolean"},
    **COMMENTS,
}
