"""Puts the errors of JSON Schema into words: what is wrong, and how to mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from .environment import EnvironmentText, as_written
from .names import suggestion
from .positions import Path

if TYPE_CHECKING:
    from jsonschema import ValidationError

_TYPES = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters long",
    "maxLength": "at most {} characters long",
    "minItems": "a list of at least {}",
    "maxItems": "a list of at most {}",
}


# What a string holds whose quotes are one too many, by the type that is wanted.
_UNQUOTED = {
    "integer": re.compile(r"-?\d+"),
    "number": re.compile(r"-?\d+(\.\d+)?"),
    "boolean": re.compile("true|false"),
    "null": re.compile("null"),
}


class Finding(NamedTuple):
    """What is wrong with the value at `path`."""

    path: Path
    message: str
    hint: str | None


def explain(errors: Iterable[ValidationError]) -> list[Finding]:
    """The findings of a validation, each once."""
    return list(dict.fromkeys(finding for error in errors for finding in _findings(error)))


def shown(value: Any) -> str:
    """A value as messages show it: JSON, cut short."""
    text = json.dumps(as_written(value), ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _findings(error: ValidationError) -> Iterator[Finding]:
    path: Path = tuple(error.absolute_path)
    instance: Any = error.instance
    required: Any = error.validator_value
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        known = error.schema.get("properties", {})
        patterns = error.schema.get("patternProperties", {})
        for name in instance:
            if name not in known and not any(re.search(pattern, name) for pattern in patterns):
                yield Finding((*path, name), f'Unknown property "{name}"{_within(path)}', suggestion(name, known))
    elif error.validator == "required":
        for name in required:
            if name not in instance:
                yield Finding(path, f'"{name}" is missing{_within(path)}', _description(error, name))
    elif error.validator in ("anyOf", "oneOf") and error.context:
        yield from _alternatives(error, path)
    elif "propertyNames" in error.absolute_schema_path:
        message = f"The name {shown(instance)}{_within(path)} must be {_expected(error)}"
        yield Finding((*path, instance), message, _mend(error))
    else:
        yield Finding(path, f"{_name(path)} must be {_expected(error)}{_not(error)}", _mend(error))


def _alternatives(error: ValidationError, path: Path) -> Iterator[Finding]:
    """The findings of the one alternative that was meant, as far as its kind shows it; otherwise what all expect."""
    context = sorted(error.context or (), key=_alternative)
    failed = [list(errors) for _, errors in groupby(context, _alternative)]
    meant = [errors for errors in failed if not any(_is_other_kind(error) for error in errors)]
    if len(meant) == 1:
        for cause in meant[0]:
            yield from (finding._replace(hint=finding.hint or _mend(error)) for finding in _findings(cause))
    else:
        expected = dict.fromkeys(_expected(cause) for errors in failed for cause in errors)
        message = f"{_name(path)} must be {' or '.join(expected)}{_not(error)}"
        yield Finding(path, message, _mend(error))


def _alternative(error: ValidationError) -> int:
    return int(error.relative_schema_path[0])


def _is_other_kind(error: ValidationError) -> bool:
    return not error.relative_path and error.validator in ("type", "const", "enum")


def _expected(error: ValidationError) -> str:
    """What a value must be, as the end of a sentence."""
    value: Any = error.validator_value
    match error.validator:
        case "type":
            return " or ".join(_TYPES[name] for name in ([value] if isinstance(value, str) else value))
        case "enum":
            return f"one of {', '.join(map(shown, value))}"
        case "const":
            return shown(value)
        case "pattern":
            return f"of the form {value}"
        case "minLength" | "minItems" | "minProperties" if value == 1:
            return "filled in"
        case str(keyword) if keyword in _BOUNDS:
            return _BOUNDS[keyword].format(value)
    return f"other ({error.message})"


def _not(error: ValidationError) -> str:
    """What the value is instead, as the end of a sentence. What the schema says is `writeOnly` is a secret."""
    alternative: Any = error
    while alternative is not None:
        if isinstance(alternative.schema, dict) and alternative.schema.get("writeOnly") is True:
            return ""
        alternative = alternative.parent
    return f", not {shown(error.instance)}"


def _mend(error: ValidationError) -> str | None:
    value: Any = error.instance
    allowed: Any = error.validator_value
    if isinstance(value, str) and not isinstance(value, EnvironmentText):
        wanted = [cause.validator_value for cause in (error, *(error.context or ())) if cause.validator == "type"]
        if any(isinstance(name, str) and name in _UNQUOTED and _UNQUOTED[name].fullmatch(value) for name in wanted):
            return f"Write {value} without the quotes"
    if error.validator == "enum" and isinstance(value, str):
        return suggestion(value, [name for name in allowed if isinstance(name, str)])
    return _description(error)


def _description(error: ValidationError, name: str | None = None) -> str | None:
    """What the schema says about the value, or about its property `name`."""
    schema: Any = error.schema
    if name is not None:
        schema = schema.get("properties", {}).get(name)
    text = schema.get("description") if isinstance(schema, dict) else None
    return str(text) if text else None


def _name(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f'"{text.removeprefix(".")}"' if text else "It"


def _within(path: Path) -> str:
    return f" in {_name(path)}" if path else ""
