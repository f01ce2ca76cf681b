"""wrk: as many requests as the server can take, on connections that are kept."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ..peers import HOST, wrk
from ..results import Load, Refused
from .base import WITHIN, Client, Request

_SCRIPT = Path(__file__).with_name("wrk.lua")


class Wrk(Client):
    def load(self, port: int, request: Request, connections: int, seconds: float) -> Load:
        url = f"http://{HOST}:{port}{request.path}"
        command = [
            wrk(),
            "-t1",
            f"-c{connections}",
            f"-d{round(seconds)}",
            f"--timeout={WITHIN}",
            "-s",
            str(_SCRIPT),
            *(f"-H{name}: {value}" for name, value in request.headers.items()),
            url,
        ]
        if request.sent:
            command += ["--", "/dev/stdin"]
        try:
            done = subprocess.run(  # noqa: S603  the command is our own
                command, input=request.sent, capture_output=True, timeout=seconds + WITHIN, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(f"wrk didn't end within {seconds + WITHIN:g} s") from error
        return parse_load((done.stdout or done.stderr).decode(), request.least)


def parse_load(output: str, length: int) -> Load:
    """The figures on the last line of wrk's output.

    Raises `Refused` if there are none, if any response failed or was an error, or if they were shorter than `length`.
    """
    try:
        done = json.loads(output.strip().rpartition("\n")[2])
    except ValueError as error:
        raise Refused(f"wrk printed no figures: {output.strip()!r}") from error
    if errors := {kind: count for kind, count in done["errors"].items() if count}:
        raise Refused("errors under load: " + ", ".join(f"{kind} {count}" for kind, count in errors.items()))
    if not done["requests"]:
        raise Refused("no responses under load")
    if done["bytes"] < done["requests"] * length:
        raise Refused("responses under load are too short")
    return Load(done["requests"], done["duration"] / 1e6, done["p50"] / 1000, done["p99"] / 1000)
