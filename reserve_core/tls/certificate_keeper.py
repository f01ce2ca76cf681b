"""Has a server begin each handshake with its certificate as it is by then."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from .served_certificate import ServedCertificate

# Seconds between two looks at the files.
LOOK = 60.0


class CertificateKeeper:
    """Of a server that listens with the certificate `first`; `present` gives the one of its present configuration."""

    def __init__(self, first: ServedCertificate, present: Callable[[], ServedCertificate | None]) -> None:
        self._first = first
        self._present = present
        first.context.sni_callback = self._begin
        self._task = asyncio.create_task(self._look())

    def close(self) -> None:
        self._task.cancel()

    def _begin(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._certificate().for_name(name)

    async def _look(self) -> None:
        while True:
            self._certificate().refresh()
            await asyncio.sleep(LOOK)

    def _certificate(self) -> ServedCertificate:
        return self._present() or self._first
