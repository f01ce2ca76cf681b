"""Serves files of a folder, or of a file system of your own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Mapping, Prediction, Request, Response

    from .custom_files import CustomFiles
    from .disk_files import DiskFiles
    from .filesystem import FileSystem
    from .options import Options
    from .paths import PathTemplate

__all__ = ["FileSystem"]


def __getattr__(name: str) -> Any:
    if name != "FileSystem":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .filesystem import FileSystem

    return FileSystem


@hookimpl
def schema() -> type[Options]:
    from .options import Options  # what serves files is imported where files are served

    return Options


@hookimpl
def methods() -> Iterable[str]:
    return ("GET", "HEAD")


@hookimpl
async def validate(mapping: Mapping) -> None:
    from .options import load_file_system, parse_path_template

    template, file_system = parse_path_template(mapping), load_file_system(mapping)
    if file_system is None:
        from .disk_files import DiskFiles

        _warn_of_folder(mapping, template)
        mapping.state = DiskFiles(mapping.options, template)
    else:
        from .custom_files import CustomFiles

        mapping.state = CustomFiles(mapping.options, template, file_system)


def _warn_of_folder(mapping: Mapping, template: PathTemplate) -> None:
    """Warns when no file can be found, or no other than one."""
    folder = Path(template.folder)
    if not folder.is_dir():
        hint = f"Create it; paths are relative to {mapping.cwd}"
        mapping.warn(f'"file": there is no folder {folder}: no request finds a file', hint, "file")
    elif template.fixed and mapping.base is not None and (folder / template.stem).is_dir():
        value = f"{mapping.value.rstrip('/')}/$1"
        mapping.warn(
            f'"file": every URL that the match finds is answered with the index.html of {mapping.value}',
            f'Capture the path and pass it on: "match": "^{re.escape(mapping.base or "/")}(.*)", "file": "{value}"',
            "file",
        )


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping, redirect: str) -> None:
    """Answers with the file that `redirect` names; leaves the request to the next mapping when there is none."""
    files: DiskFiles | CustomFiles = mapping.state
    await files.serve(request, response, mapping, redirect)


@hookimpl
def explain(request: Request, mapping: Mapping, value: str) -> Prediction:
    files: DiskFiles | CustomFiles = mapping.state
    return files.explain(request, mapping, value)
