"""Sends parts of files to a client: by the kernel where it can, else read here and written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import Disconnected
from .flow import FlowControl

if TYPE_CHECKING:
    from ..threads import Threads

# Bytes that are sent by the kernel, at most, before others have their turn; and that are brought into memory at once.
PIECE = 1024 * 1024
# Bytes that are read and written at once. Larger ones cost more: the allocator gives their memory back to the system
# and asks for it anew each time.
CHUNK = 64 * 1024
# Bytes that are written by the transport when the kernel takes no more: it tells when the client has taken them.
REMINDER = 4096
# Seconds after which a client that has taken nothing is held to `UNSENT` as others are who were sent no file.
PATIENCE = 1.0
# Threads that read from slow disks at once.
THREADS = 32

_CAN_SEND = hasattr(os, "sendfile")
_CAN_ASK = hasattr(os, "RWF_NOWAIT")
_ONE_BYTE = [bytearray(1)]


def plain_socket(transport: asyncio.Transport) -> Any:
    """The socket that gets what `transport` is given, as it is; None if there is none, as with TLS."""
    if not _CAN_SEND or transport.get_extra_info("sslcontext") is not None:
        return None
    return transport.get_extra_info("socket")


async def send_file(protocol: FlowControl, sock: Any, file: int, offset: int, count: int) -> int:
    """Has the kernel send `count` bytes of `file` to `sock`, the socket of the protocol's transport. Returns how many
    it has sent: fewer, if it can't send files of this kind.

    The socket is the transport's: nothing is sent past what that still has to write. So each time the kernel takes no
    more, a little is given to the transport, which has flow control and deadlines, and notices when the client goes
    away. Raises EOFError when the file ends before, `Disconnected` when the client has gone.
    """
    transport = protocol.transport
    loop = protocol.loop
    descriptor: int = sock.fileno()
    # What the kernel takes of a file isn't copied: as long as the client keeps up, it may be as much as it likes.
    protocol.limit_unsent(False)
    low, high = transport.get_write_buffer_limits()
    transport.set_write_buffer_limits(0)  # writing is paused until the transport has nothing left
    sent = 0
    try:
        while sent < count:
            if protocol.write_paused:
                since = loop.time()
                await protocol.drained()
                if loop.time() - since > PATIENCE:
                    protocol.limit_unsent(True)
            piece = min(PIECE, count - sent)
            if not _in_memory(file, offset + sent, piece):
                await _threads().run(_read, file, offset + sent, piece)
            if transport.is_closing():
                raise Disconnected("The client has gone")
            try:
                taken = os.sendfile(descriptor, file, offset + sent, piece)
            except BlockingIOError:
                taken = -1
            except OSError:
                # It can't send such a file, or the connection is broken: the transport finds out.
                break
            if taken == 0:
                raise _ended(offset + sent)
            sent += max(taken, 0)
            if taken < piece:
                rest = os.pread(file, min(REMINDER, count - sent), offset + sent)
                if not rest:
                    raise _ended(offset + sent)
                transport.write(rest)
                sent += len(rest)
            elif sent < count:
                await asyncio.sleep(0)
    finally:
        if not transport.is_closing():
            transport.set_write_buffer_limits(high, low)
    return sent


async def copy_file(write: Callable[[bytes], Awaitable[None]], file: int, offset: int, count: int) -> None:
    """Gives `count` bytes of `file` to `write`, chunk by chunk. Raises EOFError when the file ends before, and what
    `write` raises."""
    end = offset + count
    while offset < end:
        stop = min(offset + PIECE, end)
        if not _in_memory(file, offset, stop - offset):
            await _threads().run(_read, file, offset, stop - offset)
        while offset < stop:
            chunk = os.pread(file, min(CHUNK, stop - offset), offset)
            if not chunk:
                raise _ended(offset)
            offset += len(chunk)
            await write(chunk)


def _in_memory(file: int, offset: int, count: int) -> bool:
    """Whether the first and the last of these bytes are in memory: as a rule, those between them are, too.

    If not, they are to be read in a thread first. From memory they are read in the event loop: that takes 5 us a chunk,
    and a thread's round trip 90 us.
    """
    if not _CAN_ASK:
        return False
    try:
        for position in (offset, offset + count - 1):
            os.preadv(file, _ONE_BYTE, position, os.RWF_NOWAIT)
    except OSError:  # BlockingIOError: they aren't. Any other: the file system can't say
        return False
    return True


def _read(file: int, offset: int, count: int) -> None:
    """Reads these bytes for the system to keep them in memory.

    If who waits for it is cancelled, the descriptor may be another file's by now: nothing is done with what is read.
    """
    end = offset + count
    with suppress(OSError):  # who reads the bytes for good is told
        while offset < end and (size := len(os.pread(file, min(CHUNK, end - offset), offset))):
            offset += size


def _ended(position: int) -> EOFError:
    return EOFError(f"The file ends at byte {position} by now")


@cache
def _threads() -> Threads:
    from ..threads import Threads  # for those whose files aren't in memory

    return Threads(THREADS, "reserve-read")
