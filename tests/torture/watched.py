"""What a job takes while it runs: memory and open files of it and all that it has started, in tenths of its time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.harness.polling import polling

# Tenths of the time, from 0.
_SECOND, _SIXTH = 1, 5


class Watch:
    """What was seen of a process and its children, look by look."""

    def __init__(self) -> None:
        self.megabytes: list[float] = []
        self.open_files: list[int] = []

    def look(self, process: psutil.Process) -> None:
        """Look once; a process that has just ended counts for nothing."""
        megabytes, open_files = 0.0, 0
        try:
            members = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for member in members:
            try:
                if _is_being_spawned(member):
                    continue
                # Shared pages count once for each process that has them.
                megabytes += member.memory_info().rss / 1e6
                open_files += member.num_fds()
            except psutil.NoSuchProcess:
                continue
        self.megabytes.append(megabytes)
        self.open_files.append(open_files)

    @property
    def growth(self) -> tuple[float, float]:
        """Return the means of the last tenth to those of an earlier one: memory to the sixth, open files to the second.

        The clients' buffers fill through the first half of a day; what leaks goes on after it (docs/decisions/0012).
        """
        return ratio(self.megabytes, _SIXTH), ratio(self.open_files, _SECOND)


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Watch the process that is the job now, or is about to be started by that one."""
    watch, server = Watch(), psutil.Process(pid)

    def look() -> None:
        for job in server.children():
            watch.look(job)

    with polling(look):
        yield watch


def _is_being_spawned(process: psutil.Process) -> bool:
    """Return whether this is a JVM's child on its way to another program: until then its memory is the JVM's own."""
    if Path(process.exe()).name != "java":
        return False
    parent = process.parent()
    return parent is not None and parent.cmdline() == process.cmdline()


def ratio(values: "list[float] | list[int]", against: int = _SECOND) -> float:
    """Return the mean of the last tenth to that of an earlier tenth; in the first it warms up."""
    tenth = len(values) // 10
    if tenth == 0:
        return 1.0
    return (sum(values[-tenth:]) / tenth) / (sum(values[against * tenth : (against + 1) * tenth]) / tenth)
