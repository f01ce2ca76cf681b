"""What a server takes: the processor's time and the memory of all its processes. Linux only."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

_CPUCLOCK_SCHED = 2


def cpu(server: int) -> float:
    """Seconds of CPU time that a process and its descendants have taken, in user code and in the kernel."""
    return sum(_cpu_of(pid) for pid in _processes(server))


def memory(server: int) -> int:
    """Bytes of memory that a process and its descendants take; what several share counts once in all (PSS)."""
    return sum(_memory_of(pid) for pid in _processes(server))


def _processes(server: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    found = [server]
    for pid in found:
        yield pid
        found += children.get(pid, ())


def _cpu_of(pid: int) -> float:
    """By the process's own clock, in nanoseconds, with threads that have ended (clock_getcpuclockid(3))."""
    try:
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
    except OSError:  # it has ended meanwhile
        return 0.0


def _memory_of(pid: int) -> int:
    try:
        facts = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it has ended meanwhile
        return 0
    found = re.search(r"^Pss: +(\d+) kB$", facts, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
