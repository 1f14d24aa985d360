"""What a job takes while it runs: memory and open files of it and all that it has started, in tenths of its time."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.looking import looking


class Watch:
    """What was seen of a process and its children, look by look."""

    def __init__(self) -> None:
        self.megabytes: list[float] = []
        self.open_files: list[int] = []

    def look(self, process: psutil.Process) -> None:
        """Look once; a process that has just ended counts for nothing."""
        megabytes, open_files = 0.0, 0
        for member in (process, *process.children(recursive=True)):
            try:
                # Shared pages count once for each process that has them.
                megabytes += member.memory_info().rss / 1e6
                open_files += member.num_fds()
            except psutil.NoSuchProcess:
                continue
        self.megabytes.append(megabytes)
        self.open_files.append(open_files)

    @property
    def growth(self) -> tuple[float, float]:
        """Return the means of the last tenth to those of the second: memory, open files. In the first it warms up."""
        return ratio(self.megabytes), ratio(self.open_files)


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Watch the process that is the job now, or is about to be started by that one."""
    watch, server = Watch(), psutil.Process(pid)

    def look() -> None:
        for job in server.children():
            watch.look(job)

    with looking(look):
        yield watch


def ratio(values: "list[float] | list[int]") -> float:
    """Return the mean of the last tenth to that of the second tenth."""
    tenth = len(values) // 10
    if tenth == 0:
        return 1.0
    return (sum(values[-tenth:]) / tenth) / (sum(values[tenth : 2 * tenth]) / tenth)
