"""The reference of the public modules, made of the signatures and docstrings that stand in the sources."""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import griffe

from docs import tables

_PROJECT = Path(__file__).parents[1]
_LINE = 88  # characters of a signature's line: what a page shows without scrolling


def reference(module: str) -> str:
    """The entries of all names of a public module, in Markdown. An entry's anchor is the name with its module's."""
    return "\n\n".join(_entry(module, name) for name in import_module(module).__all__)


@cache
def _sources() -> griffe.ModulesCollection:
    places = [_PROJECT, *(_PROJECT / "plugins").iterdir()]
    loader = griffe.GriffeLoader(search_paths=places)
    for package in sorted({module.partition(".")[0] for module in tables.PUBLIC_MODULES}):
        loader.load(package)
    return loader.modules_collection


def _source(module: str, name: str) -> griffe.Object:
    """Where a public name is defined, which need not be the module that makes it public."""
    value = getattr(import_module(module), name)
    # Some functions are called as the module that they are in: the value knows which one is meant.
    home = value.__module__ if hasattr(value, "__qualname__") else module
    found: griffe.Object = _sources()[f"{home}.{name}"]
    return found


def _entry(module: str, name: str) -> str:
    title = name.replace("__", r"\_\_")
    heading = f"## {title} {{#{module}.{title}}}"
    if name in tables.MEANINGS:
        return f"{heading}\n\n{tables.MEANINGS[name]}"
    source = _source(module, name)
    text = [heading, _code(_signature(source)), f"Defined in `{source.module.path}`.", _prose(source, module, name)]
    if isinstance(source, griffe.Class):
        value = getattr(import_module(module), name)
        text += [_attributes(source), *(_member(module, name, member, value) for member in tables.members(value))]
    return "\n\n".join(filter(None, text))


def _member(module: str, name: str, member: str, value: type) -> str:
    """The entry of a method or a property, which a base class may define."""
    homes = [base for base in value.__mro__ if member in vars(base)]
    source = _sources()[f"{homes[0].__module__}.{homes[0].__qualname__}.{member}"]
    return "\n\n".join([
        f"### {name}.{member} {{#{module}.{name}.{member}}}",
        _code(_signature(source)),
        _prose(source, module, name),
    ])  # fmt: skip


def _code(text: str) -> str:
    text = text.replace("'", '"')
    return f"```python\n{text}\n```"


def _signature(source: griffe.Object) -> str:
    if isinstance(source, griffe.Attribute):
        return f"{source.name}: {source.annotation}"
    if isinstance(source, griffe.Class):
        parameters = _parameters(source.parameters)
        return _call(f"class {source.name}", parameters, "") if parameters else f"class {source.name}"
    assert isinstance(source, griffe.Function)
    start = f"{'async ' if 'async' in source.labels else ''}def {source.name}"
    marks = [f"@{label}\n" for label in ("classmethod", "staticmethod") if label in source.labels]
    returned = f" -> {source.returns}" if source.returns is not None else ""
    return "".join(marks) + _call(start, _parameters(source.parameters), returned)


def _parameters(parameters: griffe.Parameters) -> list[str]:
    shown: list[str] = []
    keywords_follow = False
    for parameter in parameters:
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is griffe.ParameterKind.keyword_only and not keywords_follow:
            shown.append("*")
        keywords_follow = parameter.kind in (
            griffe.ParameterKind.keyword_only,
            griffe.ParameterKind.var_positional,
        )
        shown.append(_parameter(parameter))
    return shown


def _parameter(parameter: griffe.Parameter) -> str:
    stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
    mark = stars.get(parameter.kind, "") if parameter.kind else ""
    annotation = f": {parameter.annotation}" if parameter.annotation is not None else ""
    default = f" = {parameter.default}" if parameter.default is not None and not mark else ""
    return f"{mark}{parameter.name}{annotation}{default}"


def _call(start: str, parameters: list[str], returned: str) -> str:
    line = f"{start}({', '.join(parameters)}){returned}"
    if len(line) <= _LINE:
        return line
    return "\n".join([f"{start}(", *(f"    {parameter}," for parameter in parameters), f"){returned}"])


def _attributes(source: griffe.Class) -> str:
    """The attributes of a class, but those that its bases by others have, and those that are properties."""
    found = {
        name: member
        for base in (*reversed(source.mro()), source)
        if base.module.path.startswith("reserve_")
        for name, member in base.members.items()
        if isinstance(member, griffe.Attribute) and "property" not in member.labels
        if not name.startswith("_") and member.annotation is not None
    }
    rows = [(f"`{name}`", f"`{member.annotation}`".replace("|", "\\|")) for name, member in found.items()]
    return tables.table(("attribute", "type"), rows) if rows else ""


def _prose(source: griffe.Object, module: str, name: str) -> str:
    """A docstring, in which public names lead to their entries."""
    text = source.docstring.value if source.docstring else ""
    parameters = source.parameters if isinstance(source, griffe.Function) else ()
    own = {name, *(parameter.name for parameter in parameters)}

    def link(found: re.Match[str]) -> str:
        target = _targets(module).get(found[1]) or _targets(module).get(f"{name}.{found[1]}")
        return f"[`{found[1]}`]({target})" if target and found[1] not in own else found[0]

    return re.sub(r"(?<![`\w[])`([\w.]+)`(?!`)", link, inspect.cleandoc(text))


@cache
def _targets(module: str) -> dict[str, str]:
    """Where the entries of public names and their members are, seen from the page of `module`, which comes first."""
    found: dict[str, str] = {}
    for each in (module, *tables.PUBLIC_MODULES):
        page = "" if each == module else f"{each}.md"
        for name in import_module(each).__all__:
            value: Any = getattr(import_module(each), name)
            members = tables.members(value) if inspect.isclass(value) and name not in tables.MEANINGS else []
            for one in (name, *(f"{name}.{member}" for member in members)):
                found.setdefault(one, f"{page}#{each}.{one}")
    return found
