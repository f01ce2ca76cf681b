"""A client of its own process that asks a server again and again: how long the answers take while others are noisy.

`prober.py PORT PATH [SCHEME]` asks until its standard input ends, and prints what it found as JSON.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import sys
import time

PAUSE = 0.01
PATIENCE = 10.0


def main(port: int, path: str, scheme: str = "http") -> None:
    context = None
    if scheme == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    latencies: list[float] = []
    failed = 0
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    connection: socket.socket | None = None
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        begun = time.perf_counter()
        try:
            if connection is None:
                connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if context is not None:
                    connection = context.wrap_socket(connection)
            connection.sendall(request)
            good = connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        except OSError:
            good = False
        if good:
            latencies.append(time.perf_counter() - begun)
        else:
            failed += 1
            if connection is not None:
                connection.close()
            connection = None
    print(json.dumps({"latencies": latencies, "failed": failed}))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
