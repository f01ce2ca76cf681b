"""The part of RFC 6455 that a client on a bare connection needs.

A full WebSocket client in Python would take longer than the server that is measured.
"""

from __future__ import annotations

from ..peers import HOST

TEXT = 1
PING = 9
PONG = 10

_FIN = 0x80
_MASKED = 0x80


def handshake(port: int, path: str) -> bytes:
    """The request that asks for a WebSocket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def client_frame(opcode: int, payload: bytes) -> bytes:
    """A frame of up to 125 bytes as a client sends it: masked, with zeros, which change nothing (5.3)."""
    return bytes((_FIN | opcode, _MASKED | len(payload), 0, 0, 0, 0)) + payload


def server_frame(opcode: int, payload: bytes) -> bytes:
    """A frame of up to 125 bytes as a server sends it."""
    return bytes((_FIN | opcode, len(payload))) + payload


def take_frames(buffer: bytearray) -> list[tuple[int, bytes]]:
    """Takes the whole frames off the buffer: opcodes and payloads, unmasked as a server sends them (5.2)."""
    frames = []
    while len(buffer) >= 2:
        length, start = buffer[1] & 0x7F, 2
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(buffer[2:start])
            if len(buffer) < start:
                break
        end = start + length
        if len(buffer) < end:
            break
        frames.append((buffer[0] & 0x0F, bytes(buffer[start:end])))
        del buffer[:end]
    return frames


def take_head(buffer: bytearray) -> str:
    """Takes the response to a handshake off the buffer: its first line, "" while it isn't whole."""
    head, separator, _ = buffer.partition(b"\r\n\r\n")
    if not separator:
        return ""
    del buffer[: len(head) + len(separator)]
    return head.partition(b"\r\n")[0].decode(errors="replace")


def upgraded(line: str) -> bool:
    return line.startswith("HTTP/1.1 101 ")
