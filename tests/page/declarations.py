"""Writes the types of the mirror's JSON shapes for the page's modules: `python -m tests.page.declarations`.

`json_shapes.py` is their one source. A test holds `json_shapes.d.ts` in step with it, and TypeScript the modules.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

from reserve_mirror import json_shapes

DECLARATIONS = Path(__file__).parents[2] / "plugins/mirror/json_shapes.d.ts"
PACKAGED = DECLARATIONS.parent / "client-js/shapes.d.ts"  # a package has what it needs in it

_HEAD = "// Written by tests/page/declarations.py from reserve_mirror/json_shapes.py: `make format` writes it anew.\n"
_NAMES = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", object: "unknown"}


class Member(NamedTuple):
    """A member of a shape; `text` is the comment behind it."""

    name: str
    hint: Any
    text: str

    @property
    def required(self) -> bool:
        return get_origin(self.hint) is not NotRequired


def declarations() -> str:
    """The text of `json_shapes.d.ts`."""
    tree = ast.parse(inspect.getsource(json_shapes))
    return "\n".join([_HEAD, *_declarations(tree)])


def _declarations(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield _interface(node)
        elif isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            yield f"export type {target.id} = {_type(getattr(json_shapes, target.id))};\n"


def members(shape: type) -> Iterator[Member]:
    """The members that a shape has itself, not those of its base."""
    source, _ = inspect.getsourcelines(shape)
    hints = get_type_hints(shape, include_extras=True)
    (node,) = ast.parse("".join(source)).body
    assert isinstance(node, ast.ClassDef)
    for each in node.body:
        if isinstance(each, ast.AnnAssign):
            assert isinstance(each.target, ast.Name)
            _, _, text = source[each.lineno - 1].rstrip("\n").partition("  # ")
            yield Member(each.target.id, hints[each.target.id], text)


def bases(shape: type) -> Iterator[type]:
    """The shapes that a shape extends: before Python 3.12 it doesn't know itself."""
    (node,) = ast.parse(inspect.getsource(shape)).body
    assert isinstance(node, ast.ClassDef)
    for base in map(ast.unparse, node.bases):
        if base != "TypedDict":
            yield getattr(sys.modules[shape.__module__], base)


def _interface(node: ast.ClassDef) -> str:
    shape = getattr(json_shapes, node.name)
    assert is_typeddict(shape)
    base = "".join(f" extends {ast.unparse(name)}" for name in node.bases if ast.unparse(name) != "TypedDict")
    text = _doc(ast.get_docstring(node) or "", "") + f"export interface {node.name}{base} {{\n"
    for member in members(shape):
        optional = "" if member.required else "?"
        text += _doc(member.text, "  ") + f"  {member.name}{optional}: {_type(member.hint)};\n"
    return text + "}\n"


def _type(hint: Any) -> str:
    """A type of Python in TypeScript. Raises KeyError for one that JSON doesn't have."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (NotRequired, Required):
        return _type(arguments[0])
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin is list:
        item = _type(arguments[0])
        return f"({item})[]" if " | " in item else f"{item}[]"
    if origin is dict:
        return f"Record<{', '.join(map(_type, arguments))}>"
    if origin is types.UnionType:
        return " | ".join(map(_type, arguments))
    return hint.__name__ if is_typeddict(hint) else _NAMES[hint]


def _doc(text: str, indent: str) -> str:
    if "\n" in text:
        lines = "".join(f"{indent} * {line}".rstrip() + "\n" for line in text.splitlines())
        return f"{indent}/**\n{lines}{indent} */\n"
    return f"{indent}/** {text} */\n" if text else ""


if __name__ == "__main__":
    for file in (DECLARATIONS, PACKAGED):
        file.write_text(declarations())
