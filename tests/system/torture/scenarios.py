"""Jobs on a lake, and the results of an undisturbed run of each to compare with."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tests.harness.warm import Ended
from tests.system.torture import lake
from tests.system.torture.job import JobRequest
from tests.system.torture.jobs import Jobs
from tests.system.torture.lake import Contents, contents
from tests.system.torture.operations import Fault
from tests.system.torture.s3 import FaultyS3, Stored

# Older than what maintenance keeps.
_AGE = timedelta(days=3)


@dataclass(frozen=True)
class Scenario:
    """A job on a lake, and its undisturbed run.

    Attributes:
        name: job and landing format.
        start: the stored objects before the run.
        request: the job.
        expected: the lake after the run.
        operations: label of each operation in order, and whether it writes.
    """

    name: str
    start: list[Stored]
    request: JobRequest
    expected: Contents
    operations: list[tuple[str, bool]]

    def writes(self) -> Counter[str]:
        """Count the writes by label."""
        return Counter(label for label, writes in self.operations if writes)


class Stage:
    """Runs scenarios on a faulty S3."""

    def __init__(self, s3: FaultyS3, jobs: Jobs) -> None:
        self._s3 = s3
        self._jobs = jobs

    def scenarios(self, landing_format: str) -> list[Scenario]:
        """Run chunker, detector and maintenance undisturbed, each on the lake that the previous one left."""
        chunker = self._undisturbed("chunker", [lake.master_file()], lake.chunker(landing_format))
        detector = self._undisturbed("detector", self._s3.objects(), lake.detector(landing_format))
        left = self._s3.objects()
        # Add an orphan, as a killed detector leaves it: a data file that is in no log.
        part = next(stored for stored in left if stored.key.startswith(f"{lake.LAKE}/state/pairs/part-"))
        left.append(replace(part, key=part.key.replace("part-00000", "part-00001")))
        maintenance = self._undisturbed("maintain_state", left, lake.maintenance(landing_format))
        return [chunker, detector, maintenance]

    def set_up(self, objects: list[Stored]) -> None:
        """Replace all stored objects by these, aged for maintenance."""
        self._s3.await_quiet()
        self._s3.restore(objects, datetime.now(UTC) - _AGE)

    def run(self, request: JobRequest, fault: Fault | None = None) -> Ended:
        """Run a job until it ends or the fault kills it."""
        self._s3.begin(fault)
        ended = self._jobs.run(request)
        self._s3.await_quiet()
        return ended

    def kill(self) -> None:
        """Kill the running job."""
        self._jobs.kill()

    def difference(self, scenario: Scenario, ended: Ended) -> str:
        """Describe the difference from the undisturbed run; return "" if there is none."""
        # 10: a chunker that was killed after its last write finds nothing new.
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
