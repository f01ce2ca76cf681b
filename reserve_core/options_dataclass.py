"""Options as a dataclass: its fields make the JSON Schema, the typed object and the table of the documentation.

    @dataclass(frozen=True, slots=True)
    class Options:
        shout: str = option("What to shout")
        max_times: int = option("How often at most", default=3, minimum=1)

In JSON, `max_times` is written `max-times`. A field without a default is required.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping as Dict
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import partial, reduce
from keyword import iskeyword
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import ContractError

T = TypeVar("T")

Make = Callable[[Any], Any]
Check = Callable[[str, dict[str, Any]], None]

_REQUIRED: Any = MISSING
_TYPES: dict[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string", NoneType: "null"}
_POSSIBLE = (
    "Write bool, int, float, str, Any, Literal, list[X], tuple[X, ...], dict[str, X], a dataclass of options, or"
    " several of them, such as int | None; what is made of it belongs into validate()"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """A JSON Schema, and what makes the Python value of a JSON value that holds by it; None, where that isn't known.

    What JSON can't hold, such as a function that an embedding program gives, `make` leaves as it is.
    """

    schema: dict[str, Any]
    make: Make = lambda value: None


def option(
    description: str,
    *,
    default: T = _REQUIRED,
    name: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str | None = None,
    schema: Dict[str, Any] | None = None,
) -> T:
    """A field of a dataclass of options.

    `description` is what messages, editors and the documentation say. `default` is a value of the field's type; without
    one the option is required. None, where the annotation is `X | None`, says that it may be left out. `name` is how
    JSON writes it where that isn't the field's name with "-" for "_". `minimum` and `maximum` are of numbers, `pattern`
    is a regular expression that is searched in strings, and `schema` has further keywords of JSON Schema (draft
    2020-12), over those that the annotation makes: `schema={"minLength": 1}`.
    """
    keywords = {"description": description, "minimum": minimum, "maximum": maximum, "pattern": pattern}
    known = {keyword: value for keyword, value in keywords.items() if value is not None}
    metadata = {"name": name, "schema": {**known, **(schema or {})}}
    if type(default).__hash__ is None:  # it can be changed: each object has its own
        return field(default_factory=partial(copy.deepcopy, default), metadata=metadata, kw_only=True)
    return field(default=default, metadata=metadata, kw_only=True)


def shape_of(options: type, check: Check = lambda place, schema: None) -> Shape:
    """The shape of a dataclass of options: the schema of an object, and what makes such an object of a dict.

    A class attribute `__schema__` has further keywords of the object as a whole. Raises `ContractError` for what its
    author does wrong; `check` is called with the place and the schema of each option, and may do so, too.
    """
    return _object(options, check, ())


def json_name(option: Field[Any]) -> str:
    """How JSON writes the name of a field."""
    return option.metadata.get("name") or option.name.replace("_", "-")


def field_name(name: str) -> str | None:
    """The field that JSON writes as `name`; None if there is none: then it's any, with `name=`."""
    field = name.replace("-", "_")
    return field if field.isidentifier() and not iskeyword(field) and "_" not in name else None


def _object(options: type, check: Check, within: tuple[type, ...]) -> Shape:
    properties: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    members: dict[str, tuple[str, Make]] = {}
    annotations = _annotations(options)
    for each in fields(options):
        if not each.init:
            continue  # made by the class itself
        place, name = f"{options.__qualname__}.{each.name}", json_name(each)
        if name in properties:
            raise ContractError(f'declares {place} as another "{name}"', "Rename one of the two")
        shape = _option(each, annotations[each.name], place, check, (*within, options))
        properties[name] = shape.schema
        members[name] = (each.name, shape.make)
        if _default(each) is MISSING:
            required.append(name)

    def make(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return options(**{field: make(value[name]) for name, (field, make) in members.items() if name in value})

    schema = {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
        **getattr(options, "__schema__", {}),
    }
    return Shape(schema, make)


def _annotations(options: type) -> dict[str, Any]:
    try:
        return get_type_hints(options)
    except Exception as error:
        name = getattr(error, "name", None)
        place = next((each.name for each in fields(options) if name and name in str(each.type)), None)
        raise ContractError(
            f"declares {options.__qualname__}{f'.{place}' if place else ''} with an annotation that can't be read:"
            f" {error}",
            "Define or import what it names at the top of the module, not under TYPE_CHECKING",
        ) from error


def _option(each: Field[Any], annotation: Any, place: str, check: Check, within: tuple[type, ...]) -> Shape:
    given = each.metadata.get("schema", {})
    if not given.get("description"):
        shown = each.type if isinstance(each.type, str) else getattr(each.type, "__name__", each.type)
        default = _default(each)
        rest = "" if default is MISSING else f", default={default!r}"
        raise ContractError(
            f"declares {place} without a description", f'Write {each.name}: {shown} = option("What it is for"{rest})'
        )
    default = _default(each)
    shape = _shape(annotation if default is not None else _without_none(annotation, place), place, check, within)
    schema = {"description": given["description"], **shape.schema}
    for keyword, value in given.items():
        made = schema.get(keyword)
        schema[keyword] = {**made, **value} if isinstance(made, dict) and isinstance(value, Dict) else value
    if default is not MISSING and default is not None:
        schema["default"] = _plain(default)
        made = shape.make(schema["default"])
        if made != default:
            raise ContractError(f"declares {place} with a default of another type: {default!r}", f"Write {made!r}")
    check(place, schema)
    return Shape(schema, shape.make)


def _default(each: Field[Any]) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        members = {json_name(each): getattr(value, each.name) for each in fields(value) if each.init}
        return {name: _plain(member) for name, member in members.items() if member is not None}
    return value


def _without_none(annotation: Any, place: str) -> Any:
    """The annotation of an option that may be left out."""
    if annotation is Any:
        return Any
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()
    if NoneType not in members:
        raise ContractError(f"declares {place} with the default None, which its annotation excludes", "Add: | None")
    return Union[tuple(member for member in members if member is not NoneType)]  # noqa: UP007  (they are counted here)


def _shape(annotation: Any, place: str, check: Check, within: tuple[type, ...]) -> Shape:
    if annotation in (Any, object):
        return Shape({}, _as_it_is)
    if annotation in _TYPES:
        return Shape({"type": _TYPES[annotation]}, _NUMBERS.get(annotation, _as_it_is))
    if is_dataclass(annotation) and isinstance(annotation, type) and annotation not in within:
        return _object(annotation, check, within)
    inner = partial(_shape, place=place, check=check, within=within)
    kind, members = get_origin(annotation) or annotation, get_args(annotation)
    if kind is Literal:
        return Shape({"const": members[0]} if len(members) == 1 else {"enum": list(members)}, _as_it_is)
    if kind in (Union, UnionType):
        return _union([inner(member) for member in members], place)
    if (kind is list and len(members) <= 1) or (kind is tuple and members[1:] in ((), (...,))):
        return _array(kind, inner(members[0] if members else Any))
    if kind is dict and members[:1] in ((), (str,)):
        return _dict(inner(members[1] if members else Any))
    shown = getattr(annotation, "__qualname__", annotation) if not members else annotation
    raise ContractError(f"declares {place} as {shown}, which JSON can't be held to", _POSSIBLE)


def _array(kind: type, member: Shape) -> Shape:
    return Shape(
        {"type": "array", **({"items": member.schema} if member.schema else {})},
        lambda value: kind(map(member.make, value)) if isinstance(value, list | tuple) else value,
    )


def _dict(member: Shape) -> Shape:
    return Shape(
        {"type": "object", **({"additionalProperties": member.schema} if member.schema else {})},
        lambda value: {name: member.make(each) for name, each in value.items()} if isinstance(value, dict) else value,
    )


def _union(shapes: list[Shape], place: str) -> Shape:
    types = [shape.schema["type"] for shape in shapes if "type" in shape.schema]
    kinds = ["number" if kind == "integer" else kind for kind in types]
    twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if twice is not None:
        raise ContractError(f"declares {place} with two that JSON can't tell apart: both are {twice}", "Leave one")
    # Keywords are about one type each: those of all can stand beside each other, and mistakes in them are found better.
    if len(types) == len(shapes):
        schema = {keyword: value for shape in shapes for keyword, value in shape.schema.items()} | {"type": types}
    else:
        schema = {"anyOf": [shape.schema for shape in shapes]}
    return Shape(schema, lambda value: reduce(lambda made, shape: shape.make(made), shapes, value))


def _as_it_is(value: Any) -> Any:
    return value


# JSON has only one kind of number: 5.0 is a whole one, too.
_NUMBERS: dict[Any, Make] = {
    int: lambda value: int(value) if type(value) is float and value.is_integer() else value,
    float: lambda value: float(value) if type(value) is int else value,
}
