"""The public surface: what stands in `__all__` of the public modules. The built-in plugins use nothing else."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest

from docs import tables
from reserve_core import load_plugins

MODULES = {name: import_module(name) for name in tables.PUBLIC_MODULES}
NAMES = [(module, name) for module in MODULES for name in MODULES[module].__all__]

# The parts of the core from the bottom to the top: each imports only what stands before it.
ORDER = [
    *("lazy", "native", "system", "installed", "errors", "tokens", "hostname", "networks"),
    *("options_dataclass", "limits", "masking", "defaults", "failures", "stalls", "hookspecs", "events", "console"),
    *(
        "tasks",
        "threads",
        "file_watch",
        "workers",
        "content_codings",
        "content_headers",
        "decoding",
        "redis_url",
        "redis_clients",
        "quotas",
        "functions",
        "body",
        "capture",
        "http",
        "tls",
    ),
    *(
        "memory_response",
        "send",
        "config",
        "explanation",
        "log",
        "plugins",
        "dispatcher",
        "resources",
        "live_configuration",
        "listening",
    ),
    *("server", "mock", "testing", "kit", "reserve_core", "cli", "__main__"),
]


def imported(path: Path, package: str) -> Iterator[tuple[str, list[str]]]:
    """What a file imports when it runs: modules, each with the names that are taken from it."""
    yield from _imported(ast.parse(path.read_text()), package)


def _imported(node: ast.AST, package: str) -> Iterator[tuple[str, list[str]]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from ((alias.name, []) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = package.split(".")[: 1 - child.level or None] if child.level else []
            yield ".".join([*base, *([child.module] if child.module else [])]), [alias.name for alias in child.names]
        yield from _imported(child, package)


def plugin_files(project: Path) -> list[Path]:
    return sorted([*project.glob("plugins/*/reserve_*/**/*.py"), *project.glob("examples/**/*.py")])


def test_plugins_import_public_names_only(project: Path) -> None:
    """Those for the type checker, too."""
    inner = []
    for path in plugin_files(project):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "reserve_core":
                names = getattr(MODULES.get(node.module or ""), "__all__", ())
                inner += [f"{path.name}: {node.module}.{alias.name}" for alias in node.names if alias.name not in names]
            elif isinstance(node, ast.Import):
                inner += [
                    f"{path.name}: {alias.name}" for alias in node.names if alias.name.startswith("reserve_core.")
                ]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = re.match(r"reserve_core(\.\w+)*", node.value)
                inner += [f"{path.name}: {named[0]}"] if named and named[0] not in MODULES else []
    assert inner == []


def test_imports_of_the_core_go_one_way(project: Path) -> None:
    wrong = set()
    for path in project.glob("reserve_core/**/*.py"):
        parts = path.relative_to(project).with_suffix("").parts
        part = "reserve_core" if parts[1] == "__init__" else parts[1]
        for module, names in imported(path, ".".join(parts[:-1])):
            if module.partition(".")[0] == "reserve_core":
                used = [module.split(".")[1]] if "." in module else names
                wrong |= {f"{part} imports {each}" for each in used if _place(each) > _place(part)}
    assert wrong == BACK


# What goes the other way when it is called: `check` without plugins loads those that are installed.
BACK = {"config imports plugins"}


def _place(part: str) -> int:
    return ORDER.index(part if part in ORDER else "reserve_core")


def test_the_order_has_all_parts_of_the_core(project: Path) -> None:
    parts = {path.stem for path in (project / "reserve_core").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert parts - {"__init__", "__pycache__", "py"} | {"reserve_core"} == set(ORDER)


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_the_list_of_a_public_module_is_complete(module: ModuleType) -> None:
    own = {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
        and not (name.startswith("_") or isinstance(value, TypeVar) or hasattr(value, "reserve_impl"))  # no hooks
    }
    assert own <= set(module.__all__)
    assert len(module.__all__) == len(set(module.__all__))
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_a_public_module_says_what_it_is_for(module: ModuleType) -> None:
    assert module.__doc__


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_is_explained(module: str, name: str) -> None:
    value = getattr(MODULES[module], name)
    if inspect.isclass(value) and value.__module__.startswith("reserve_"):
        assert [name for name in tables.members(value) if not inspect.getdoc(getattr(value, name))] == []
    assert name in tables.MEANINGS or _doc(value)


def _doc(value: Any) -> str:
    text = value.__doc__ or ""
    # What dataclass writes by itself is no explanation.
    return "" if text.startswith(f"{getattr(value, '__name__', '')}(") else text


def test_public_names_have_the_words_of_the_glossary() -> None:
    """Two of its words are easily mixed up; `capture` is the helper, which REserve has, too."""
    names = {name for _, name in NAMES}
    names |= {name for module, each in NAMES for name in _members(getattr(MODULES[module], each))}
    names |= {name for handler in load_plugins().handlers.values() for name in handler.schema["properties"]}
    assert {name for name in names if re.search("answer|captur", name, re.IGNORECASE)} == {"capture"}


def _members(value: Any) -> list[str]:
    return tables.members(value) if inspect.isclass(value) else []


def test_type_checkers_see_all_that_is_public(project: Path) -> None:
    """What `pyright --verifytypes reserve_core` asks for beyond mypy: types that checkers could infer differently."""
    trees = {path: ast.parse(path.read_text()) for path in project.glob("reserve_core/**/*.py")}
    classes = [node for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)]
    by_name = {node.name: node for node in classes}
    untyped = []
    for path, tree in trees.items():
        untyped += [f"{path.name}: {name}" for name in _calls(tree)]
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                typed = set().union(*map(_typed, _with_bases(node, by_name)))
                untyped += [f"{path.name}: {node.name}.{name}" for name in sorted(_assigned(node) - typed)]
    assert untyped == []


def _with_bases(node: ast.ClassDef, by_name: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    """A class and what it inherits from, as far as these are the project's own."""
    yield node
    for base in map(ast.unparse, node.bases):
        if base in by_name:
            yield from _with_bases(by_name[base], by_name)


def _calls(tree: ast.Module) -> Iterator[str]:
    """The names of a module that are what a call returns, without a type. Those in capitals pass for constants."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            for name in map(ast.unparse, node.targets):
                is_public = name == "__getattr__" or not name.startswith("_")
                if is_public and not name.isupper() and ast.unparse(node.value.func) != "TypeVar":
                    yield name


def _assigned(node: ast.ClassDef) -> set[str]:
    """The public attributes that the methods of a class set, but for those that are a parameter, which has its type."""
    has_slots = any(isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "__slots__" for part in node.body)
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Assign):
            for target in ast.walk(ast.Tuple(part.targets)):
                name = ast.unparse(target).removeprefix("self.") if isinstance(target, ast.Attribute) else ""
                if name.isidentifier() and not name.startswith("_") and (has_slots or ast.unparse(part.value) != name):
                    names.add(name)
    return names


def _typed(node: ast.ClassDef) -> set[str]:
    """The attributes of a class whose types are said there."""
    known = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    for part in ast.walk(node):
        if isinstance(part, ast.AnnAssign):
            known.add(ast.unparse(part.target).removeprefix("self."))
    return known
