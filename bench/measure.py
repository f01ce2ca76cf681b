"""Measuring one case: its servers side by side, in rounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .cases import Case
from .clients import CONNECTIONS
from .peers import Peer, Server
from .processes import StartError, cores, free_port, on_cores, running
from .results import Figures, Refused, Result, Round
from .usage import cpu

WARM_UP = 1  # seconds; Node's compiler needs some


def seconds_needed(case: Case, versions: Mapping[Peer, str], seconds: int, rounds: int) -> int:
    present = sum(bool(_version(case, server, versions)) for server in case.servers)
    return present * (WARM_UP + rounds * seconds * case.times)


def measure(case: Case, versions: Mapping[Peer, str], folder: Path, seconds: int, rounds: int) -> Result:
    """Measures the servers whose peers have a version, not ""; the figures of the others stay empty.

    All servers run from the first round to the last. One that nobody asks costs the others nothing, and none has to
    warm up anew in each round. The rounds go A B C A B C: what slows the machine for a while slows them all. The
    backend is on the client's core: it takes nothing from the servers.
    """
    runs = [_Run(case, server, _version(case, server, versions)) for server in case.servers]
    server_core, client_core = cores()
    with ExitStack() as stack:
        backend = free_port() if case.backend else 0
        if case.backend and any(run.version for run in runs):
            try:
                stack.enter_context(running(case.backend.command(folder, backend, 0), backend, folder, client_core))
            except StartError as error:
                for run in runs:
                    run.refused = f"has no {case.backend.name} behind it, which {error}"
        for run in runs:
            run.attempt(lambda run: run.start(stack, folder, (server_core, client_core), backend))
        with on_cores(client_core):
            for run in runs:
                run.attempt(lambda run: run.load(WARM_UP))
            for _ in range(rounds):
                for run in runs:
                    run.attempt(lambda run: run.rounds.append(run.load(seconds * case.times)))
    ours, *others = (run.figures() for run in runs)
    return Result(case.name, case.title, ours, tuple(others))


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
    process: int = 0  # its id
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
        self.port = free_port()
        command = self.server.command(folder, self.port, backend)
        self.process = stack.enter_context(running(command, self.port, folder, *cores[: self.server.cores]))
        self.check()

    def check(self) -> None:
        self.case.client.check(self.port, self.case.request)

    def load(self, seconds: int) -> Round:
        before = cpu(self.process)
        load = self.case.client.load(self.port, self.case.request, self.server.connections or CONNECTIONS, seconds)
        taken = cpu(self.process) - before
        self.check()  # once the response comes, what the client left behind is done
        return Round.of(load, taken)

    def figures(self) -> Figures:
        target = None if self.server is self.case.ours else self.case.targets.get(self.server.name)
        return Figures(self.server.name, self.server.label(self.version), tuple(self.rounds), self.refused, target)
