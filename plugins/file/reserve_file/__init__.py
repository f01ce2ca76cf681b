"""Serves files of a folder, or of a file system of your own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from reserve_core import hookimpl

if TYPE_CHECKING:
    from reserve_core import Mapping, Request, Response

    from .custom import CustomFiles
    from .disk import DiskFiles
    from .filesystem import FileSystem

__all__ = ["FileSystem"]


def __getattr__(name: str) -> Any:
    if name != "FileSystem":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .filesystem import FileSystem

    return FileSystem


@hookimpl
def schema() -> dict[str, Any]:
    from .options import SCHEMA  # what serves files is imported where files are served

    return SCHEMA


@hookimpl
def methods() -> Iterable[str]:
    return ("GET", "HEAD")


@hookimpl
async def validate(mapping: Mapping) -> None:
    from .custom import CustomFiles
    from .disk import DiskFiles
    from .options import parse_options

    options = parse_options(mapping)
    mapping.state = DiskFiles(options) if options.file_system is None else CustomFiles(options, options.file_system)


@hookimpl
async def redirect(request: Request, response: Response, mapping: Mapping, redirect: str) -> None:
    """Answers with the file that `redirect` names; leaves the request to the next mapping when there is none."""
    files: DiskFiles | CustomFiles = mapping.state
    await files.serve(request, response, mapping, redirect)
