"""What a balancer, or Kubernetes, asks to know whether to send requests here: the process is alive, the store responds.

Anybody may ask: no response holds more than that.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from .call_context import CallContext
from .store import Unavailable

# Seconds that the store may take. Kubernetes waits for a probe 1 s unless it is told otherwise.
TIMEOUT = 0.8


async def tell_alive(call: CallContext) -> None:
    """The process responds: nothing else is asked, so that no failure of the store has it restarted."""
    _tell(call, None)


async def tell_ready(call: CallContext) -> None:
    """Whether requests can be served: 503 with the reason while the server is about to stop, or the store is away."""
    if call.request.configuration.draining:
        _tell(call, "The server is stopping")
    elif not await _store_responds(call):
        _tell(call, "The store doesn't respond")
    else:
        _tell(call, None)


async def _store_responds(call: CallContext) -> bool:
    """Reads a mirror, whether or not there is one: it takes no right that serving doesn't take."""
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(TIMEOUT):
            await call.mount.store.read("healthz")
        return True
    return False


def _tell(call: CallContext, reason: str | None) -> None:
    status = 200 if reason is None else 503
    call.send(f"{reason or 'ok'}\n", "text/plain; charset=utf-8", status)
