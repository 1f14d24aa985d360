"""Each job killed before, during and after each of its storage operations, and started again."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.harness.warm import KILLED
from tests.torture.operations import Answer, ConnectionCut, Fault, Operation
from tests.torture.scenarios import Scenario, Stage
from tests.torture.survived import Survived

CHAPTER = "every instruction"
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


def moments_of(scenario: Scenario) -> list[Moment]:
    """Return every crash point: around and in each write, and in each read, around which nothing changes."""
    return [
        Moment(number, when, label)
        for number, (label, writes) in enumerate(scenario.operations)
        for when in (("before", "during", "after") if writes else ("during",))
    ]


def kill_at(stage: Stage, scenario: Scenario, moments: Iterable[Moment]) -> Survived:
    """Kill a job at each of these moments, start it again each time, and compare."""
    survived, began = Survived(CHAPTER, f"{scenario.name}: killed at one operation"), time.monotonic()
    for moment in moments:
        stage.set_up(scenario.start)
        survived.tried += 1
        ended = stage.run(scenario.request, _killing(stage, moment))
        # Two threads of a job may swap their operations, so the last one need not come.
        if ended.code == KILLED:
            ended = stage.run(scenario.request)
        if wrong := stage.wrong(scenario, ended):
            survived.failures.append(f"{scenario.name}, killed {moment}: {wrong}")
    survived.seconds = time.monotonic() - began
    return survived


def kill_again_and_again(stage: Stage, scenario: Scenario, choice: random.Random, rounds: int) -> Survived:
    """Kill a job at random moments, start after start, until it is done; then compare."""
    survived = Survived(CHAPTER, f"{scenario.name}: killed again and again")
    began = time.monotonic()
    for _ in range(rounds):
        stage.set_up(scenario.start)
        trace: list[str] = []
        while True:
            # Later and later, so that it gets through.
            number = choice.randrange(3 + 2 * len(trace) + len(scenario.operations) // 4)
            moment = Moment(number, choice.choice(("before", "during", "after")), "")
            fault = _killing(stage, moment) if len(trace) < _MOST_KILLS else None
            ended = stage.run(scenario.request, fault)
            if ended.code != KILLED:
                break
            trace.append(f"{moment.when} {moment.operation}")
            survived.tried += 1
        if wrong := stage.wrong(scenario, ended):
            survived.failures.append(f"{scenario.name}, killed {', '.join(trace)}: {wrong}")
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
