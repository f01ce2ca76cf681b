"""Runs `reserve` and asks it, in a network namespace of its own in which only loopback is up.

`unshare --net ... python -m tests.kit.isolated RESERVE`: standard input is a JSON list of `[request, size]`, the bytes
of each in base64 and how many are to be read of its response; standard output the list of these.
"""

from __future__ import annotations

import base64
import errno
import json
import re
import socket
import subprocess
import sys

from tests.kit.waiting import PATIENCE

ELSEWHERE = ("192.0.2.1", 80)  # RFC 5737: an address for documentation


def main() -> None:
    with socket.socket() as probe:
        assert probe.connect_ex(ELSEWHERE) == errno.ENETUNREACH
    with subprocess.Popen([sys.argv[1], "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", server.stdout.readline())
            assert found is not None
            print(json.dumps(responses(int(found[1]), json.load(sys.stdin))))
        finally:
            server.terminate()


def responses(port: int, asked: list[tuple[str, int]]) -> list[str]:
    received = []
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        stream = connection.makefile("rb")
        for request, size in asked:
            connection.sendall(base64.b64decode(request))
            received.append(base64.b64encode(stream.read(size)).decode())
        stream.close()
    return received


if __name__ == "__main__":
    main()
