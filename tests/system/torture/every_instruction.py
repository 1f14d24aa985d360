"""Each job killed before, during and after each of its storage operations, then restarted."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.harness.warm import KILLED
from tests.system.torture.operations import Answer, ConnectionCut, Fault, Operation
from tests.system.torture.scenarios import Scenario, Stage
from tests.system.torture.survived import Survived

CHAPTER = "every instruction"
# Consecutive kills of one job.
_MAX_KILLS = 60


@dataclass(frozen=True)
class Moment:
    """A crash point.

    Attributes:
        when: `before`, `during` or `after` the operation takes effect.
        label: the label of the operation in the undisturbed run.
    """

    operation: int
    when: str
    label: str

    def __str__(self) -> str:
        return f"{self.when} operation {self.operation} ({self.label})"


def crash_points(scenario: Scenario) -> list[Moment]:
    """Return all crash points: before, during and after each write; during each read, which changes nothing."""
    return [
        Moment(number, when, label)
        for number, (label, writes) in enumerate(scenario.operations)
        for when in (("before", "during", "after") if writes else ("during",))
    ]


def kill_at(stage: Stage, scenario: Scenario, moments: Iterable[Moment]) -> Survived:
    """Kill a job at each crash point, restart it, and compare with an undisturbed run."""
    survived, began = Survived(CHAPTER, f"{scenario.name}: killed at one operation"), time.monotonic()
    for moment in moments:
        stage.set_up(scenario.start)
        survived.tried += 1
        ended = stage.run(scenario.request, _killing(stage, moment))
        # Not killed if threads swapped their operations and this number did not occur.
        if ended.code == KILLED:
            ended = stage.run(scenario.request)
        if difference := stage.difference(scenario, ended):
            survived.failures.append(f"{scenario.name}, killed {moment}: {difference}")
    survived.seconds = time.monotonic() - began
    return survived


def kill_repeatedly(stage: Stage, scenario: Scenario, choice: random.Random, rounds: int) -> Survived:
    """Kill and restart a job at random moments until it ends, then compare."""
    survived = Survived(CHAPTER, f"{scenario.name}: killed repeatedly")
    began = time.monotonic()
    for _ in range(rounds):
        stage.set_up(scenario.start)
        trace: list[str] = []
        while True:
            # Later with each kill, so that it ends.
            number = choice.randrange(3 + 2 * len(trace) + len(scenario.operations) // 4)
            moment = Moment(number, choice.choice(("before", "during", "after")), "")
            fault = _killing(stage, moment) if len(trace) < _MAX_KILLS else None
            ended = stage.run(scenario.request, fault)
            if ended.code != KILLED:
                break
            trace.append(f"{moment.when} {moment.operation}")
            survived.tried += 1
        if difference := stage.difference(scenario, ended):
            survived.failures.append(f"{scenario.name}, killed {', '.join(trace)}: {difference}")
    survived.seconds = time.monotonic() - began
    return survived


def _killing(stage: Stage, moment: Moment) -> Fault:
    def fault(operation: Operation) -> Answer:
        if operation.number != moment.operation:
            return operation.apply()
        if moment.when == "after":
            operation.apply()
        elif moment.when == "during":
            operation.apply_half()
        stage.kill()
        raise ConnectionCut

    return fault
