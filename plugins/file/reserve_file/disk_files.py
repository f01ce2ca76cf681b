"""Serving the local files of one mapping."""

from __future__ import annotations

import asyncio
import math
import os
import stat
import time
from functools import partial

from reserve_core import Mapping, Prediction, Request, Response

from .cache import Cache
from .file_response import send_from_disk, send_from_memory
from .listing import list_folder, send_page
from .mime import content_type
from .negotiation import SUFFIXES, codings, is_stale
from .options import Options
from .paths import PathTemplate, RequestedPath
from .representation import Representation, represent
from .safe_open import identity, is_same, open_file, read_all, reopen, stat_or_none
from .trailing_slash import redirect_folder

# Files up to this size are read at once and kept in memory; reading a larger one costs little beside sending it.
SMALL = 64 * 1024
MAX_MEMORY = 64 * 1024 * 1024
_OVERHEAD = 2048  # bytes an entry takes beside its body

# A file changed this lately (ns) isn't kept: another change within the same tick of the clock would go unnoticed.
_UNSETTLED = 2_000_000_000

CacheKey = str | tuple[str, str]  # a redirect, or the path and the coding of a sibling
Held = tuple[Representation, int]  # the descriptor of a file that isn't in memory; -1 for one that is


class DiskFiles:
    """Answers the requests of one mapping, remembering what was served lately.

    What is remembered is found again by the redirect alone and used if the file it was is still there, unchanged:
    the same inode of the same device, with the same size and times. It was opened safely then.
    """

    def __init__(self, options: Options, template: PathTemplate) -> None:
        self._options = options
        self._template = template
        self._types = options.content_types
        self._cache_control = options.cache_control
        self._ttl = options.ttl
        self._cache: Cache[Representation] = Cache(MAX_MEMORY, options.max_files)

    async def serve(self, request: Request, response: Response, mapping: Mapping, redirect: str) -> None:
        """Answers with the file, or leaves the response as it is."""
        options = self._options
        key = self._template.key(redirect)
        held = self._recall(key)
        if held is None:
            requested = self._template.resolve(key, dotfiles=options.dotfiles)
            if requested is None:
                return
            held = self._find(key, requested)
            if held is None:
                if options.listing and not requested.file_only:
                    await self._list(request, response, mapping, redirect, requested)
                return
        try:
            if held[0].is_index:
                is_folder = partial(is_same, held[0].path.rpartition("/")[0])
                if await redirect_folder(request, response, mapping, redirect, self._template, is_folder):
                    return
            accepted = request.headers.get("accept-encoding")
            if accepted:
                held = self._sibling(held, accepted)
            file, descriptor = held
            if descriptor < 0:
                send_from_memory(request, response, file)
            else:
                await send_from_disk(request, response, file, descriptor)
        finally:
            _close(held[1])

    def explain(self, request: Request, mapping: Mapping, redirect: str) -> Prediction:
        """See the hook: which file there is, or why there is none."""
        options = self._options
        key = self._template.key(redirect)
        requested = self._template.resolve(key, dotfiles=options.dotfiles)
        if requested is None:
            return Prediction.passes(f"{redirect} is no name of a file that may be served")
        shown = _shown(requested.path, mapping)
        held = self._find(key, requested)
        if held is not None:
            _close(held[1])
            return _with(request, f"{shown}/index.html" if held[0].is_index else shown, options, held[0].is_index)
        status = stat_or_none(requested.path)
        if status is None:
            return Prediction.passes(f"{shown} doesn't exist")
        if not stat.S_ISDIR(status.st_mode):
            as_folder = "is a file, and the URL ends with a slash"
            why = as_folder if requested.folder_only else "can't be read, or leads out of the folder"
            return Prediction.passes(f"{shown} {why}")
        if options.listing and not requested.file_only:
            return _with(request, f"the listing of {shown}", options, is_folder=True)
        return Prediction.passes(f"{shown} is a folder without an index.html")

    def _recall(self, key: CacheKey) -> Held | None:
        """What is remembered under `key`, if it's still true."""
        file = self._cache.get(key)
        if file is None:
            return None
        if file.body is None:
            assert file.identity is not None
            descriptor = reopen(file.path, file.identity)
            if descriptor is not None:
                return file, descriptor
        elif self._ttl and time.monotonic() < file.fresh_until:
            return file, -1
        else:
            status = stat_or_none(file.path)
            if status is not None and identity(status) == file.identity:
                file.fresh_until = self._fresh_until()
                return file, -1
        self._cache.drop(key)
        return None

    def _fresh_until(self) -> float:
        return time.monotonic() + self._ttl if self._ttl else 0.0

    def _find(self, key: str, requested: RequestedPath) -> Held | None:
        """Looks for the file in the file system."""
        path = requested.path
        status = stat_or_none(path)
        if status is None:
            return None
        if stat.S_ISDIR(status.st_mode):
            if requested.file_only:
                return None
            return self._open(key, requested.root, f"{path}/index.html", is_index=True)
        if requested.folder_only or not stat.S_ISREG(status.st_mode):
            return None
        return self._open(key, requested.root, path)

    def _open(
        self,
        key: CacheKey,
        root: str,
        path: str,
        type_: str | None = None,
        coding: str | None = None,
        *,
        is_index: bool = False,
    ) -> Held | None:
        options = self._options
        opened = open_file(root, path, follow=options.follow_symlinks, dotfiles=options.dotfiles)
        if opened is None:
            return None
        descriptor, status = opened
        body = None
        if status.st_size <= SMALL:
            try:
                body, status = _read_small(descriptor, status)
            except BaseException:
                os.close(descriptor)
                raise
            if body is not None:
                os.close(descriptor)
                descriptor = -1
        size = status.st_size if body is None else len(body)
        file = represent(
            path=path,
            root=root,
            size=size,
            written=status.st_mtime_ns,
            tag=f"{status.st_mtime_ns:x}-{size:x}-{status.st_ino:x}",
            content_type=type_ or content_type(self._types, path.rpartition("/")[2]),
            cache_control=self._cache_control,
            coding=coding,
            body=body,
            identity=identity(status),
            is_index=is_index,
        )
        if self._ttl == math.inf or time.time_ns() - status.st_mtime_ns > _UNSETTLED:
            file.fresh_until = self._fresh_until()
            self._cache.put(key, file, _OVERHEAD + len(key) + len(body or b""))
        return file, descriptor

    def _sibling(self, held: Held, accepted: str) -> Held:
        """The compressed sibling that the client likes best, or the file itself.

        One that is older than the file was made from a former version.
        """
        file, descriptor = held
        for coding in codings(accepted):
            path = file.path + SUFFIXES[coding]
            key = (path, coding)
            found = self._recall(key)
            if found is None and os.access(path, os.F_OK):
                found = self._open(key, file.root, path, file.content_type, coding)
            if found is None:
                continue
            if not is_stale(found[0].written, file.written):
                _close(descriptor)
                return found
            _close(found[1])
        return held

    async def _list(
        self, request: Request, response: Response, mapping: Mapping, redirect: str, requested: RequestedPath
    ) -> None:
        options = self._options
        status = stat_or_none(requested.path)
        if status is None or not stat.S_ISDIR(status.st_mode):
            return
        entries = await asyncio.to_thread(
            list_folder, requested.root, requested.path, follow=options.follow_symlinks, dotfiles=options.dotfiles
        )
        if entries is None:
            return
        is_folder = partial(is_same, requested.path)
        if not await redirect_folder(request, response, mapping, redirect, self._template, is_folder):
            send_page(request, response, entries, has_parent=bool(requested.names))


def _read_small(descriptor: int, status: os.stat_result) -> tuple[bytes | None, os.stat_result]:
    """The content of a file and the status that belongs to it, though it may be changed in these microseconds.

    None when the file has grown beyond what is small.
    """
    for _ in range(3):
        body = read_all(descriptor, SMALL + 1)
        after = os.fstat(descriptor)
        if len(body) == after.st_size and identity(after) == identity(status):
            break
        status = after
    return body if len(body) <= SMALL else None, status


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


# With these a response may be another one than the file (RFC 9110 13, 14).
_CONDITIONAL = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "range")


def _shown(path: str, mapping: Mapping) -> str:
    """A path as the configuration would name it."""
    inside = os.path.relpath(path, mapping.cwd)
    return path if inside.startswith("..") else f"./{inside}"


def _with(request: Request, what: str, options: Options, is_folder: bool) -> Prediction:
    """The response that serves `what`."""
    if is_folder and options.redirect_folders and not request.path.endswith("/"):
        return Prediction.responds(f"{what}, or 301 to {request.path}/")
    is_conditional = any(name in request.headers for name in _CONDITIONAL)
    return Prediction.responds(what, None if is_conditional else 200)
