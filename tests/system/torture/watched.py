"""Memory and open files of a running job and its child processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.harness.polling import polling

# Indexes of tenths of the time.
_SECOND, _SIXTH = 1, 5


class Watch:
    """Samples of a process and its children."""

    def __init__(self) -> None:
        self.megabytes: list[float] = []
        self.open_files: list[int] = []

    def poll(self, process: psutil.Process) -> None:
        """Take a sample, omitting processes that have just ended."""
        megabytes, open_files = 0.0, 0
        try:
            members = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for member in members:
            try:
                if _is_being_spawned(member):
                    continue
                # Shared pages count once per process.
                megabytes += member.memory_info().rss / 1e6
                open_files += member.num_fds()
            except psutil.NoSuchProcess:
                continue
        self.megabytes.append(megabytes)
        self.open_files.append(open_files)

    @property
    def growth(self) -> tuple[float, float]:
        """Growth of memory since the sixth tenth, and of open files since the second, as ratios of means.

        The clients' buffers fill up during the first half; a leak continues after it (docs/decisions/0012).
        """
        return ratio(self.megabytes, _SIXTH), ratio(self.open_files, _SECOND)


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Sample the children of the process `pid`, the running jobs."""
    watch, server = Watch(), psutil.Process(pid)

    def poll() -> None:
        for job in server.children():
            watch.poll(job)

    with polling(poll):
        yield watch


def _is_being_spawned(process: psutil.Process) -> bool:
    """Return whether this is a JVM's child before exec, which still shares the JVM's memory."""
    if Path(process.exe()).name != "java":
        return False
    parent = process.parent()
    return parent is not None and parent.cmdline() == process.cmdline()


def ratio(values: "list[float] | list[int]", against: int = _SECOND) -> float:
    """Return the mean of the last tenth divided by that of an earlier one; never the first, the warm-up."""
    tenth = len(values) // 10
    if tenth == 0:
        return 1.0
    return (sum(values[-tenth:]) / tenth) / (sum(values[against * tenth : (against + 1) * tenth]) / tenth)
