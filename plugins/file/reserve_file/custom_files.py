"""Serving the files of a custom file system."""

from __future__ import annotations

from functools import partial

from reserve_core import Mapping, Prediction, Request, Response

from .file_response import send_by_ranges
from .filesystem import FileSystem, Stat, send_range, stat_file
from .listing import FolderEntry, send_page
from .mime import content_type
from .negotiation import SUFFIXES, codings, is_stale
from .options import Options
from .paths import PathTemplate, RequestedPath, servable
from .representation import Representation, represent
from .trailing_slash import redirect_folder


class CustomFiles:
    """Answers the requests of one mapping from a custom file system. Caching is left to the file system."""

    def __init__(self, options: Options, template: PathTemplate, file_system: FileSystem) -> None:
        self._options = options
        self._template = template
        self._types = options.content_types
        self._cache_control = options.cache_control
        self._file_system = file_system

    async def serve(self, request: Request, response: Response, mapping: Mapping, redirect: str) -> None:
        """Answers with the file, or leaves the response as it is."""
        requested = self._template.resolve(self._template.key(redirect), dotfiles=self._options.dotfiles)
        if requested is None:
            return
        path = requested.path
        stat = await stat_file(self._file_system, path)
        if stat is None:
            return
        if stat.is_directory:
            if requested.file_only:
                return
            index = await stat_file(self._file_system, f"{path}/index.html")
            if index is not None and index.is_directory:
                index = None
            if index is None and not self._options.listing:
                return
            if await redirect_folder(request, response, mapping, redirect, self._template, path.__eq__):
                return
            if index is None:
                await self._list(request, response, requested)
                return
            path, stat = f"{path}/index.html", index
        elif requested.folder_only:
            return
        file = self._represent(path, stat)
        accepted = request.headers.get("accept-encoding")
        if accepted:
            file = await self._sibling(file, accepted)
        await send_by_ranges(request, response, file, partial(send_range, self._file_system, file.path))

    def explain(self, request: Request, mapping: Mapping, redirect: str) -> Prediction:
        """See the hook. Whether there is a file, only the file system knows."""
        requested = self._template.resolve(self._template.key(redirect), dotfiles=self._options.dotfiles)
        if requested is None:
            return Prediction.passes(f"{redirect} is no name of a file that may be served")
        return Prediction.undecided(f"{mapping['custom-file-system']} has {requested.path}, or not")

    def _represent(self, path: str, stat: Stat, type_: str | None = None, coding: str | None = None) -> Representation:
        return represent(
            path=path,
            root="",
            size=stat.size,
            written=stat.written,
            tag=f"{stat.written or 0:x}-{stat.size:x}",
            content_type=type_ or content_type(self._types, path.rpartition("/")[2]),
            cache_control=self._cache_control,
            coding=coding,
        )

    async def _sibling(self, file: Representation, accepted: str) -> Representation:
        for coding in codings(accepted):
            path = file.path + SUFFIXES[coding]
            stat = await stat_file(self._file_system, path)
            if stat is not None and not stat.is_directory and not is_stale(stat.written, file.written):
                return self._represent(path, stat, file.content_type, coding)
        return file

    async def _list(self, request: Request, response: Response, requested: RequestedPath) -> None:
        entries = []
        for name in await self._file_system.readdir(requested.path):
            if name and servable(name, dotfiles=self._options.dotfiles):
                stat = await stat_file(self._file_system, f"{requested.path}/{name}")
                if stat is not None:
                    written = None if stat.written is None else stat.written / 1e9
                    entries.append(FolderEntry(name, stat.is_directory, stat.size, written))
        send_page(request, response, entries, has_parent=bool(requested.names))
