"""Imports the Python files that stand beside a configuration, without touching `sys.path`.

A folder becomes a package of its own, `reserve_local_<hash of the folder>`, and its files are modules of that package.
An absolute import of a neighbour (`import store`, `from store import load`) is compiled as the relative import of the
same file (`from . import store`). So neighbours are found, also by an import that runs late; two folders may have files
of the same name; a file named like a library hides it from its neighbours only, as in a script's own folder; and
nothing outside the folder sees any of it. A name built at run time (`importlib.import_module("store")`) isn't
translated: write `".store", __package__` there.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType

PREFIX = "reserve_local_"

# Stands in a module's name for a dot in its file's name: a real one would read as a package's.
_DOT = "%2E"


def import_file(path: Path) -> ModuleType:
    """The module of a Python file, imported once. Raises what its code raises."""
    path = path.resolve()
    module = import_module(path.parent, path.stem.replace(".", _DOT))
    if module.__file__ != str(path):
        raise ImportError(f"{path.name} is hidden by the package {path.stem}/ beside it")
    return module


def import_module(folder: Path, name: str) -> ModuleType:
    """The module `name` (dotted) below `folder`, imported once. Raises what its code raises."""
    return importlib.import_module(f"{_package(folder.resolve())}.{name}")


def has_module(folder: Path, name: str) -> bool:
    """Whether `folder` has a module or package `name` (not dotted)."""
    return _is_module(_finder(str(folder)), name)


def reload(module: ModuleType) -> ModuleType:
    """Imports a local module afresh, with the neighbours that have changed since they were imported.

    A neighbour that is as it was keeps its module and so its state. If the new code fails, the modules stay as they
    were and its exception is raised.
    """
    with _without(_outdated(f"{module.__name__.partition('.')[0]}.", {module.__name__})):
        return importlib.import_module(module.__name__)


@contextmanager
def anew() -> Iterator[None]:
    """Within it, whatever is imported of the local modules that have changed, or import one that has, is imported
    afresh. An exception leaves all of them as they were.
    """
    with _without(_outdated(PREFIX, set())):
        yield


def loaded_files() -> frozenset[Path]:
    """The files of all local modules there are."""
    return frozenset(Path(loader.path) for name in tuple(sys.modules) if (loader := _loader(name)))


def local_files(module: ModuleType) -> frozenset[Path]:
    """The file of a local module and those of the neighbours it imports, directly or not."""
    found: dict[str, Path] = {}
    waiting = [module.__name__]
    while waiting:
        name = waiting.pop()
        loader = _loader(name)
        if loader is not None and name not in found:
            found[name] = Path(loader.path)
            waiting += loader.imports
    return frozenset(found.values())


class _Loader(SourceFileLoader):
    """Compiles a local file with its imports of neighbours made relative.

    Always from the source: the time stamp of a .pyc is too coarse to notice two edits within a second.
    """

    source = b""
    imports: frozenset[str] = frozenset()

    def get_code(self, fullname: str) -> CodeType | None:
        self.source = self.get_data(self.path)
        tree = ast.parse(self.source, self.path)
        package = fullname if self.is_package(fullname) else fullname.rpartition(".")[0]
        translator = _Translator(fullname, package)
        tree = ast.fix_missing_locations(translator.visit(tree))
        self.imports = frozenset(translator.imports)
        code: CodeType = compile(tree, self.path, "exec", dont_inherit=True)
        return code

    def has_changed(self) -> bool:
        try:
            return self.get_data(self.path) != self.source
        except OSError:
            return True


class _Translator(ast.NodeTransformer):
    """Makes the absolute imports of neighbours relative and collects the local modules that may be imported."""

    def __init__(self, module: str, package: str) -> None:
        self.imports: set[str] = set()
        self._package = package
        self._root = package.partition(".")[0]
        self._level = package.count(".") + 1
        # A file that imports its own name means the library it is named after.
        self._own = module.rpartition(".")[2] if package == self._root else None
        self._neighbours = _finder(sys.modules[self._root].__path__[0])

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        statements: list[ast.stmt] = []
        for alias in node.names:
            if self._is_neighbour(alias.name):
                statements += self._relative(alias)
            else:
                statements.append(ast.Import([alias]))
        return [ast.copy_location(statement, node) for statement in statements]

    def _relative(self, alias: ast.alias) -> Iterator[ast.stmt]:
        self._note(alias.name)
        parent, _, name = alias.name.rpartition(".")
        top = alias.name.partition(".")[0]
        if parent:
            # "import a.b" binds a; with "as" it binds b. The first statement imports both.
            yield ast.ImportFrom(parent, [ast.alias(name, alias.asname or top)], self._level)
        if not parent or alias.asname is None:
            yield ast.ImportFrom(None, [ast.alias(top, alias.asname)], self._level)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.level:
            base = self._package.split(".")[: self._level - node.level + 1]
            module = ".".join([*base[1:], *([node.module] if node.module else [])])
        elif node.module and self._is_neighbour(node.module):
            module = node.module
            node.level = self._level
        else:
            return node
        for alias in node.names:
            self._note(f"{module}.{alias.name}".lstrip("."))
        return node

    def _is_neighbour(self, module: str) -> bool:
        top = module.partition(".")[0]
        return top != self._own and _is_module(self._neighbours, top)

    def _note(self, module: str) -> None:
        parts = module.split(".")
        self.imports.update(f"{self._root}.{'.'.join(parts[:end])}" for end in range(1, len(parts) + 1))


class _LocalFinder:
    """Finds the modules of local packages, and nothing else."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is None or not name.startswith(PREFIX):
            return None
        if _DOT not in name:
            return _finder(path[0]).find_spec(name, target)
        file = Path(path[0], name.rpartition(".")[2].replace(_DOT, ".") + ".py")
        return importlib.util.spec_from_file_location(name, file, loader=_Loader(name, str(file)))


sys.meta_path.insert(0, _LocalFinder)


def _finder(folder: str) -> FileFinder:
    # A new one each time: it remembers what the folder held, by a time stamp that is too coarse for an editor.
    return FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Loader, SOURCE_SUFFIXES))


def _is_module(finder: FileFinder, name: str) -> bool:
    spec = finder.find_spec(name)
    if spec is None or spec.loader is not None:
        return spec is not None
    # A folder without __init__.py: a package, as long as the name means nothing else. It may just hold data.
    return name not in sys.modules and importlib.util.find_spec(name) is None


def _package(folder: Path) -> str:
    import hashlib

    name = PREFIX + hashlib.sha256(str(folder).encode(errors="surrogateescape")).hexdigest()[:12]
    if name not in sys.modules:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return name


@contextmanager
def _without(names: set[str]) -> Iterator[None]:
    """Forgets the modules of these names; after an exception no local module is other than before."""
    before = {name: module for name, module in sys.modules.items() if name.startswith(PREFIX)}
    for name in names & before.keys():
        _forget(name)
    try:
        yield
    except BaseException:
        for name in [name for name in sys.modules if name.startswith(PREFIX) and name not in before]:
            _forget(name)
        for name, module in before.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
                _bind(module)
        raise


def _outdated(prefix: str, given: set[str]) -> set[str]:
    """The names with `prefix` of modules that can't stay: the `given` ones, those that changed, and their users."""
    local = {name: loader for name in tuple(sys.modules) if name.startswith(prefix) and (loader := _loader(name))}
    outdated = given | {name for name, loader in local.items() if loader.has_changed()}

    def is_touched(name: str) -> bool:
        parent = name.rpartition(".")[0]
        return parent in outdated or not outdated.isdisjoint(local[name].imports)

    while touched := {name for name in local if name not in outdated and is_touched(name)}:
        outdated |= touched
    return outdated


def _loader(name: str) -> _Loader | None:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return spec.loader if spec is not None and isinstance(spec.loader, _Loader) else None


def _bind(module: ModuleType) -> None:
    parent, _, name = module.__name__.rpartition(".")
    setattr(sys.modules[parent], name, module)


def _forget(name: str) -> None:
    # "from . import name" asks the package first, sys.modules second.
    module = sys.modules.pop(name)
    parent, _, attribute = name.rpartition(".")
    vars(sys.modules.get(parent, module)).pop(attribute, None)
