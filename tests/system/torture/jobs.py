"""Jobs as forks of a warm process: they start in milliseconds and can be killed at any operation."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.harness.warm import Ended, WarmProcess, warm_process
from tests.system.torture import job
from tests.system.torture.job import JobRequest


class Jobs:
    """Runs jobs, one at a time."""

    def __init__(self, warm: WarmProcess) -> None:
        self._warm = warm
        # The running job is its child.
        self.pid = warm.pid
        self.kill = warm.kill
        self.tail = warm.tail

    def run(self, request: JobRequest, seconds: float = 120) -> Ended:
        """Run a job until it ends or is killed; fail the test if it takes longer than `seconds`."""
        return self._warm.run(f"{job.__name__}:main", [request.to_line()], fork=True, seconds=seconds)


@contextmanager
def job_processes(environment: Mapping[str, str]) -> Iterator[Jobs]:
    """Start the warm process."""
    with warm_process([job.__name__], environment) as warm:
        yield Jobs(warm)
