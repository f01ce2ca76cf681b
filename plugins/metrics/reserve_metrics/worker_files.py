"""The values of one worker's metrics in files that outlive it, and what the files of all workers come to.

They are those of the client's mode for several processes. Only what is made in `storing` is kept in them: metrics that
the user's own code makes stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Metric, ProcessCollector, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where the client is told the folder
_PID = "pid"


class WorkerFiles(Collector):
    """The files in `folder`, which is one worker's, beside those of the others.

    A worker that takes the place of one that was killed goes on with its values.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # It is the folder that tells the workers apart, where the client would have the process's number.
        self._value_class = values.MultiProcessValue(lambda: 0)  # type: ignore[no-untyped-call]
        (folder / _PID).write_text(str(os.getpid()))

    @contextmanager
    def storing(self) -> Iterator[None]:
        """Metrics, and their children, that are made meanwhile have their values in the files."""
        value_class, folder = values.ValueClass, os.environ.get(_FOLDER)
        values.ValueClass, os.environ[_FOLDER] = self._value_class, str(self._folder)
        try:
            yield
        finally:
            values.ValueClass = value_class
            if folder is None:
                del os.environ[_FOLDER]
            else:
                os.environ[_FOLDER] = folder

    def collect(self) -> Iterable[Metric]:
        """The sums over all workers, and what the process of each one uses."""
        begun = [str(file) for file in self._folder.parent.glob("*/*.db") if file.stat().st_size]
        yield from MultiProcessCollector.merge(begun)  # type: ignore[no-untyped-call]
        yield from self._processes()

    def _processes(self) -> Iterable[Metric]:
        found: dict[str, Metric] = {}
        for file in sorted(self._folder.parent.glob(f"*/{_PID}")):
            pid = file.read_text()
            for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
                merged = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                worker = {"worker": file.parent.name}
                merged.samples += [sample._replace(labels=worker) for sample in metric.samples]
        return found.values()

    def close(self) -> None:
        self._value_class.close_all_files()
