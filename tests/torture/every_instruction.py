"""Each job killed before, during and after each of its storage operations, and started again."""

import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tests.torture import lake
from tests.torture.job_process import JobRequest
from tests.torture.jobs import KILLED, Jobs
from tests.torture.lake import Contents, contents
from tests.torture.operations import Answer, ConnectionCut, Fault, Operation
from tests.torture.s3 import FaultyS3, Stored
from tests.torture.survived import Survived

CHAPTER = "every instruction"
# Old enough for maintenance to delete what it may.
_AGE = timedelta(days=3)
# So often a job is killed in a row at most.
_MOST_KILLS = 60


@dataclass(frozen=True)
class Moment:
    """Where a job is killed.

    Attributes:
        when: `before`, `during` or `after` the operation takes effect.
        label: what the operation was in the undisturbed run.
    """

    operation: int
    when: str
    label: str

    def __str__(self) -> str:
        """Say it."""
        return f"{self.when} operation {self.operation} ({self.label})"


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

    def moments(self) -> list[Moment]:
        """Return every crash point: around and in each write, and in each read, around which nothing changes."""
        return [
            Moment(number, when, label)
            for number, (label, writes) in enumerate(self.operations)
            for when in (("before", "during", "after") if writes else ("during",))
        ]

    def writes(self) -> Counter[str]:
        """Return how often each kind of operation that writes occurs."""
        return Counter(label for label, writes in self.operations if writes)


class Killer:
    """Prepares scenarios, and kills."""

    def __init__(self, s3: FaultyS3, jobs: Jobs) -> None:
        self._s3 = s3
        self._jobs = jobs

    def scenarios(self, landing_format: str) -> list[Scenario]:
        """Run chunker, detector and maintenance undisturbed, each on what the one before it left."""
        chunker = self._scenario("chunker", [lake.master_file()], lake.chunker(landing_format))
        detector = self._scenario("detector", self._s3.objects(), lake.detector(landing_format))
        left = self._s3.objects()
        # A killed detector leaves data files that are in no log.
        part = next(stored for stored in left if stored.key.startswith(f"{lake.LAKE}/state/pairs/part-"))
        left.append(replace(part, key=part.key.replace("part-00000", "part-00001")))
        maintenance = self._scenario("maintain_state", left, lake.maintenance(landing_format))
        return [chunker, detector, maintenance]

    def kill_at(self, scenario: Scenario, moments: Iterable[Moment]) -> Survived:
        """Kill a job at each of these moments, start it again each time, and compare."""
        survived, began = Survived(CHAPTER, f"{scenario.name}: killed at a moment, started again"), time.monotonic()
        for moment in moments:
            self._restore(scenario.start)
            survived.tried += 1
            self._s3.begin(self._killing(moment))
            ended = self._jobs.run(scenario.request)
            # Two threads of a job may swap their operations, so the last one need not come.
            if ended.code == KILLED:
                self._s3.begin()
                ended = self._jobs.run(scenario.request)
            survived.failures += self._wrong(scenario, str(moment), ended.code, ended.log)
        survived.seconds = time.monotonic() - began
        return survived

    def kill_again_and_again(self, scenario: Scenario, choice: random.Random, rounds: int) -> Survived:
        """Kill a job at random moments, start after start, until it is done; then compare."""
        survived = Survived(CHAPTER, f"{scenario.name}: killed again and again")
        began = time.monotonic()
        for _ in range(rounds):
            self._restore(scenario.start)
            trace: list[str] = []
            while True:
                # Later and later, so that it gets through.
                number = choice.randrange(3 + 2 * len(trace) + len(scenario.operations) // 4)
                moment = Moment(number, choice.choice(("before", "during", "after")), "")
                self._s3.begin(self._killing(moment) if len(trace) < _MOST_KILLS else None)
                ended = self._jobs.run(scenario.request)
                if ended.code != KILLED:
                    break
                trace.append(f"{moment.when} {moment.operation}")
                survived.tried += 1
            survived.failures += self._wrong(scenario, f"killed {', '.join(trace)}", ended.code, ended.log)
        survived.seconds = time.monotonic() - began
        return survived

    def _scenario(self, job: str, start: list[Stored], request: JobRequest) -> Scenario:
        self._restore(start)
        self._s3.begin()
        ended = self._jobs.run(request)
        assert ended.code == 0, f"{job}, undisturbed:\n{ended.log}"
        operations = [(operation.label, operation.writes) for operation in self._s3.operations]
        landing_format = request.arguments[request.arguments.index("--landing-format") + 1]
        return Scenario(f"{job}, {landing_format}", start, request, contents(self._s3.objects()), operations)

    def _restore(self, objects: list[Stored]) -> None:
        self._s3.begin()
        self._s3.restore(objects, datetime.now(UTC) - _AGE)

    def _killing(self, moment: Moment) -> Fault:
        def fault(operation: Operation) -> Answer:
            if operation.number != moment.operation:
                return operation.apply()
            if moment.when == "after":
                operation.apply()
            elif moment.when == "during":
                operation.apply_half()
            self._jobs.kill()
            raise ConnectionCut

        return fault

    def _wrong(self, scenario: Scenario, moment: str, code: int, log: str) -> list[str]:
        # The chunker that was killed last thing finds nothing new.
        if code not in (0, 10):
            return [f"{scenario.name}, {moment}: ended with {code}: {log[-500:]}"]
        difference = contents(self._s3.objects()).difference(scenario.expected)
        return [f"{scenario.name}, {moment}: {difference}"] if difference else []
