"""Measuring one case: its servers side by side, in rounds, with wrk."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .cases import CONTENT, Case
from .fanout import fan_out
from .peers import HOST, Peer, Server, wrk
from .processes import StartError, cores, free_port, on_cores, running
from .results import Figures, Refused, Result, Round

CONNECTIONS = 64
WARM_UP = 2  # seconds; Node's compiler needs one
GRACE = 10  # seconds that wrk may take beyond its duration
SENT = "sent"  # the file that holds what wrk sends


def seconds_needed(case: Case, versions: Mapping[Peer, str], seconds: int, rounds: int) -> int:
    present = sum(bool(_version(case, server, versions)) for server in case.servers)
    return present * (WARM_UP + rounds * seconds)


def measure(case: Case, versions: Mapping[Peer, str], folder: Path, seconds: int, rounds: int) -> Result:
    """Measures the servers whose peers have a version, not ""; the figures of the others stay empty.

    All servers run from the first round to the last. One that nobody asks costs the others nothing, and none has to
    warm up anew in each round. The rounds go A B C A B C: what slows the machine for a while slows them all. The
    backend is on wrk's core: it takes nothing from the servers.
    """
    runs = [_Run(case, server, _version(case, server, versions)) for server in case.servers]
    server_core, wrk_core = cores()
    (folder / SENT).write_bytes(case.sent)
    with ExitStack() as stack:
        backend = free_port() if case.backend else 0
        if case.backend and any(run.version for run in runs):
            try:
                stack.enter_context(running(case.backend.command(folder, backend, 0), backend, folder, wrk_core))
            except StartError as error:
                for run in runs:
                    run.refused = f"has no {case.backend.name} behind it, which {error}"
        for run in runs:
            run.attempt(lambda run: run.start(stack, folder, (server_core, wrk_core), backend))
        with on_cores(wrk_core):
            for run in runs:
                run.attempt(lambda run: run.load(WARM_UP))
            for _ in range(rounds):
                for run in runs:
                    run.attempt(lambda run: run.rounds.append(run.load(seconds)))
    ours, *others = (run.figures() for run in runs)
    return Result(case.name, case.title, ours, tuple(others), case.reported)


def check_answer(port: int, path: str, body: bytes, sent: bytes = b"") -> None:
    """Asks once, with a POST if there is something to be `sent`.

    Raises `Refused` unless the answer has status 200 and this body.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=GRACE)
    try:
        if sent:
            connection.request("POST", path, sent, {"Content-Type": "application/json"})
        else:
            connection.request("GET", path)
        response = connection.getresponse()
        received = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise Refused(f"doesn't answer {path}: {error!r}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise Refused(f"answers {path} with status {response.status}")
    if received != body:
        raise Refused(f"answers {path} with other content: {len(received)} bytes instead of {len(body)}")


def parse_round(output: str, length: int) -> Round:
    """The figures on the last line of wrk's output.

    Raises `Refused` if there are none, if any answer failed or was an error, or if they were shorter than `length`.
    """
    try:
        done = json.loads(output.strip().rpartition("\n")[2])
    except ValueError as error:
        raise Refused(f"wrk printed no figures: {output.strip()!r}") from error
    if errors := {kind: count for kind, count in done["errors"].items() if count}:
        raise Refused("errors under load: " + ", ".join(f"{kind} {count}" for kind, count in errors.items()))
    if not done["requests"]:
        raise Refused("no answers under load")
    if done["bytes"] < done["requests"] * length:
        raise Refused("answers under load are too short")
    return Round(done["requests"] / done["duration"] * 1e6, done["p50"] / 1000, done["p99"] / 1000)


def _version(case: Case, server: Server, versions: Mapping[Peer, str]) -> str:
    """Of a server's peer; "" when it, or what must be behind it, isn't on this machine."""
    return "" if case.backend and not versions[case.backend.peer] else versions[server.peer]


@dataclass(slots=True)
class _Run:
    """One server on its way through the rounds of a case."""

    case: Case
    server: Server
    version: str  # "": its peer isn't on this machine
    port: int = 0
    folder: Path = Path()
    rounds: list[Round] = field(default_factory=list)
    refused: str = ""

    def attempt(self, step: Callable[[_Run], object]) -> None:
        """Takes the next step, unless there is nothing to measure. If it fails, the figures so far are void."""
        if self.refused or not self.version:
            return
        try:
            step(self)
        except (StartError, Refused) as error:
            self.refused = str(error)
            self.rounds.clear()

    def start(self, stack: ExitStack, folder: Path, cores: tuple[int, int], backend: int) -> None:
        self.port, self.folder = free_port(), folder
        command = self.server.command(folder, self.port, backend)
        stack.enter_context(running(command, self.port, folder, *cores[: self.server.cores]))
        self.check()

    def check(self) -> None:
        check_answer(self.port, self.case.path, self.case.body, self.case.sent)

    def load(self, seconds: int) -> Round:
        case = self.case
        if not case.follow:
            return self.load_with_wrk(seconds)
        done = fan_out(self.port, case.path, case.sent, case.body, case.follow, seconds)
        self.check()
        return done

    def load_with_wrk(self, seconds: int) -> Round:
        url = f"http://{HOST}:{self.port}{self.case.path}"
        command = [wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", str(CONTENT / "wrk.lua"), url]
        if self.case.sent:
            command += ["--", SENT]
        try:
            done = subprocess.run(  # noqa: S603  the command is our own
                command, cwd=self.folder, capture_output=True, text=True, timeout=seconds + GRACE, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(f"wrk didn't end within {seconds + GRACE} s") from error
        self.check()  # once it comes, what wrk left behind is done
        return parse_round(done.stdout or done.stderr, len(self.case.body))

    def figures(self) -> Figures:
        target = None if self.server is self.case.ours else self.case.targets.get(self.server.name)
        return Figures(self.server.name, self.server.label(self.version), tuple(self.rounds), self.refused, target)
