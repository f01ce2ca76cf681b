"""The servers that are compared: where each one is found, and how it's started with what a case has it serve."""

from .base import BACKEND, HOST, Command, Missing, Peer, Server
from .node import NODE, REFERENCE, VITE
from .ours import PURE, PYTHONS, RESERVE, Reserve
from .programs import CADDY, NGINX, REDIS, wrk, wrk_version
from .python import GRANIAN_ASGI, GRANIAN_RSGI, TORNADO, UVICORN, WEBSOCKETS
from .request_mirror import REQUEST_MIRROR

__all__ = [
    "BACKEND",
    "CADDY",
    "GRANIAN_ASGI",
    "GRANIAN_RSGI",
    "HOST",
    "NGINX",
    "NODE",
    "PURE",
    "PYTHONS",
    "REDIS",
    "REFERENCE",
    "REQUEST_MIRROR",
    "RESERVE",
    "TORNADO",
    "UVICORN",
    "VITE",
    "WEBSOCKETS",
    "Command",
    "Missing",
    "Peer",
    "Reserve",
    "Server",
    "wrk",
    "wrk_version",
]
