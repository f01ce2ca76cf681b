"""Writes the types of the mirror's JSON shapes for the page's modules: `python -m tests.page.declarations`.

`json_shapes.py` is their one source. A test holds `json_shapes.d.ts` in step with it, and TypeScript the modules.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

from reserve_mirror import json_shapes

DECLARATIONS = Path(__file__).parents[2] / "plugins/mirror/json_shapes.d.ts"

_HEAD = "// Written by tests/page/declarations.py from reserve_mirror/json_shapes.py: `make format` writes it anew.\n"
_NAMES = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", object: "unknown"}


def declarations() -> str:
    """The text of `json_shapes.d.ts`."""
    tree = ast.parse(inspect.getsource(json_shapes))
    lines = inspect.getsource(json_shapes).splitlines()
    return "\n".join([_HEAD, *_declarations(tree, lines)])


def _declarations(tree: ast.Module, lines: list[str]) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield _interface(node, lines)
        elif isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name)
            yield f"export type {target.id} = {_type(getattr(json_shapes, target.id))};\n"


def _interface(node: ast.ClassDef, lines: list[str]) -> str:
    shape = getattr(json_shapes, node.name)
    assert is_typeddict(shape)
    hints = get_type_hints(shape, include_extras=True)
    base = "".join(f" extends {ast.unparse(name)}" for name in node.bases if ast.unparse(name) != "TypedDict")
    text = _doc(ast.get_docstring(node) or "", "") + f"export interface {node.name}{base} {{\n"
    for member in node.body:
        if not isinstance(member, ast.AnnAssign):
            continue
        assert isinstance(member.target, ast.Name)
        name = member.target.id
        hint = hints[name]
        optional = "?" if get_origin(hint) is NotRequired else ""
        _, _, comment = lines[member.lineno - 1].partition("  # ")
        text += _doc(comment, "  ") + f"  {name}{optional}: {_type(hint)};\n"
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
    DECLARATIONS.write_text(declarations())
