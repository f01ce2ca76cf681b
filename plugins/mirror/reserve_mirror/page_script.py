"""A page's script with all that it imports, as one: a page that waits for eighty files, of six at once, works later."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from posixpath import dirname, join, normpath

# The forms that the modules of the pages keep to, each from the beginning of a line.
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*? |class |const )(\w+)", re.MULTILINE)


def page_script(path: Path) -> bytes:
    """The module `path` and what it imports, each once and after those that it imports itself, as a browser runs them.

    They are read again when one has changed, so that a reload of the page shows it.
    """
    return _joined(path, tuple(file.stat().st_mtime_ns for file in path.parent.rglob("*.js")))


@lru_cache(maxsize=4)
def _joined(path: Path, _changed: tuple[int, ...]) -> bytes:
    modules: dict[str, str] = {}
    _add(path.parent, path.name, modules)
    return "\n".join(("const modules = {};", *modules.values())).encode()


def _add(folder: Path, name: str, modules: dict[str, str]) -> None:
    """Adds a module as a function, which keeps its names to itself, and gives those that it exports."""

    def taken(found: re.Match[str]) -> str:
        imported = normpath(join(dirname(name), found[2]))
        if imported not in modules:
            _add(folder, imported, modules)
        return f'const {{{found[1]}}} = modules["{imported}"];'

    text = _IMPORT.sub(taken, (folder / name).read_text(encoding="utf-8"))
    given = ", ".join(declared[1] for declared in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1\2", text)
    modules[name] = f'modules["{name}"] = (() => {{{body}return {{ {given} }};\n}})();'
