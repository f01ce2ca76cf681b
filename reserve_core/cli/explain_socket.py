"""`reserve serve --explain SOCKET`: a running server explains requests to `reserve explain --server SOCKET`.

A Unix socket that only its user can open: an address would be open to whatever runs on the machine, and to what a proxy
in front of it lets through. A question and its reply are a line of JSON each.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..failures import describe
from .exit_codes import CannotRun, Unusable

if TYPE_CHECKING:
    from ..config import Configuration

# Bytes of a line, and seconds that a question may take.
_LONGEST = 4 * 1024 * 1024
_PATIENCE = 10


def socket_path(name: str) -> Path:
    """The socket that `name` means: a path, or a name in the user's runtime folder (XDG Base Directory Specification).

    Where the system gives users none, it's a folder of theirs among the temporary files.
    """
    if os.sep in name:
        return Path(name)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime, "reserve") if runtime else Path(tempfile.gettempdir(), f"reserve-{os.getuid()}")
    return folder / f"{name}.sock"


@asynccontextmanager
async def explaining(
    name: str, files: Sequence[object], configurations: Callable[[], Sequence[Configuration]]
) -> AsyncIterator[None]:
    """Explains requests over the socket `name` meanwhile. Raises `CannotRun`.

    `files` are the names of the configurations, `configurations` gives them as they are at the moment.
    """
    path = socket_path(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, TypeError):  # whoever asks goes away, or speaks another language
            async with asyncio.timeout(_PATIENCE):
                reply = _explained(json.loads(await reader.readline()), files, configurations())
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        writer.close()

    try:
        bound = _bind(path)
    except OSError as error:
        raise CannotRun(f"--explain: {path} can't be a socket: {error.strerror or error}") from error
    server = await asyncio.start_unix_server(serve, sock=bound, limit=_LONGEST)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _bind(path: Path) -> socket.socket:
    """A socket that only this user can open."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid not in (os.getuid(), 0) and path.parent.parent == Path(tempfile.gettempdir()):
        raise PermissionError(0, f"{path.parent} is another user's")
    _remove_former(path)
    bound = socket.socket(socket.AF_UNIX)
    former = os.umask(0o177)
    try:
        bound.bind(str(path))
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(former)
    return bound


def _remove_former(path: Path) -> None:
    """Removes the socket of a server that has ended without doing so."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(0, "it's there, and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise FileExistsError(0, "another server listens there")


def _explained(question: object, files: Sequence[object], configurations: Sequence[Configuration]) -> dict[str, Any]:
    """The reply to a question. Raises ValueError and TypeError for what is none."""
    from ..errors import HTTPError
    from ..explanation.walk import explain
    from ..mock import request_of

    match question:
        case {
            "config": str() | None as wanted,
            "method": str() as method,
            "url": str() as url,
            "headers": list() as lines,
        }:
            headers = [(str(name), str(value)) for name, value in lines]
        case _:
            raise ValueError("no question")
    names = [file if isinstance(file, str) else "" for file in files]
    if wanted is not None and wanted not in names:
        return {"error": f"The server has no configuration {wanted}: it serves {', '.join(filter(None, names))}"}
    configuration = configurations[0 if wanted is None else names.index(wanted)]
    try:
        request = request_of(method, url, headers, b"", configuration.limits.max_body)
    except HTTPError as error:
        return {"error": f"{url!r} is no URL that a client could send: {error.reason}"}
    return explain(configuration, request).as_json()


async def ask(name: str, question: dict[str, Any]) -> dict[str, Any]:
    """The explanation that the server behind the socket `name` gives, as JSON. Raises `Unusable`."""
    path = socket_path(name)
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=_LONGEST)
            writer.write(json.dumps(question).encode() + b"\n")
            line = await reader.readline()
            writer.close()
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else describe(error)
        mend = f"Start one with reserve serve --explain {name}"
        raise Unusable(f"No server explains requests at {path}: {reason}\n    {mend}") from error
    if not line:
        raise Unusable(f"The server at {path} gave no explanation")
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise Unusable(reply["error"])
    return reply
