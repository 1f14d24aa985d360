"""Jobs on a lake, run undisturbed once: what is tortured, and what must come out of it."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tests.harness.warm import Ended
from tests.torture import lake
from tests.torture.job import JobRequest
from tests.torture.jobs import Jobs
from tests.torture.lake import Contents, contents
from tests.torture.operations import Fault
from tests.torture.s3 import FaultyS3, Stored

# Old enough for maintenance to delete what it may.
_AGE = timedelta(days=3)


@dataclass(frozen=True)
class Scenario:
    """A job on a lake.

    Attributes:
        name: of the job and the landing format.
        start: what is stored before.
        request: the job.
        expected: what is in the lake after an undisturbed run.
        operations: the labels of that run's operations, with whether each writes, in order.
    """

    name: str
    start: list[Stored]
    request: JobRequest
    expected: Contents
    operations: list[tuple[str, bool]]

    def writes(self) -> Counter[str]:
        """Return how often each kind of operation that writes occurs."""
        return Counter(label for label, writes in self.operations if writes)


class Stage:
    """Where scenarios are played."""

    def __init__(self, s3: FaultyS3, jobs: Jobs) -> None:
        self._s3 = s3
        self._jobs = jobs

    def scenarios(self, landing_format: str) -> list[Scenario]:
        """Run chunker, detector and maintenance undisturbed, each on what the one before it left."""
        chunker = self._undisturbed("chunker", [lake.master_file()], lake.chunker(landing_format))
        detector = self._undisturbed("detector", self._s3.objects(), lake.detector(landing_format))
        left = self._s3.objects()
        # A killed detector leaves data files that are in no log.
        part = next(stored for stored in left if stored.key.startswith(f"{lake.LAKE}/state/pairs/part-"))
        left.append(replace(part, key=part.key.replace("part-00000", "part-00001")))
        maintenance = self._undisturbed("maintain_state", left, lake.maintenance(landing_format))
        return [chunker, detector, maintenance]

    def set_up(self, objects: list[Stored]) -> None:
        """Store what is there before, and nothing else."""
        self._s3.await_quiet()
        self._s3.restore(objects, datetime.now(UTC) - _AGE)

    def run(self, request: JobRequest, fault: Fault | None = None) -> Ended:
        """Run a job to its end, or to where the fault kills it."""
        self._s3.begin(fault)
        ended = self._jobs.run(request)
        self._s3.await_quiet()
        return ended

    def kill(self) -> None:
        """Kill the job that runs."""
        self._jobs.kill()

    def wrong(self, scenario: Scenario, ended: Ended) -> str:
        """Return what is not as after an undisturbed run, "" where all is."""
        # A chunker that was disturbed last thing finds nothing new.
        if ended.code not in (0, 10):
            return f"ended with {ended.code}: {ended.log[-500:]}"
        return contents(self._s3.objects()).difference(scenario.expected)

    def _undisturbed(self, job: str, start: list[Stored], request: JobRequest) -> Scenario:
        self.set_up(start)
        ended = self.run(request)
        assert ended.code == 0, f"{job}, undisturbed:\n{ended.log}"
        operations = [(operation.label, operation.writes) for operation in self._s3.operations]
        landing_format = request.arguments[request.arguments.index("--landing-format") + 1]
        return Scenario(f"{job}, {landing_format}", start, request, contents(self._s3.objects()), operations)
