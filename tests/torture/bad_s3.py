"""Each job on an S3 that goes wrong: for a moment, for good, and all the time in all ways."""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.torture.faults import PASSING, REQUEST_SECONDS, Kind
from tests.torture.operations import Answer, Fault, Operation
from tests.torture.scenarios import Scenario, Stage
from tests.torture.survived import Survived

CHAPTER = "a bad S3"
# So many of a hundred operations go wrong in a storm.
_STORM_PERCENT = 4
_MOST_STARTS = 40


def meets_once(stage: Stage, scenario: Scenario, kind: Kind, operations: Iterable[int]) -> Survived:
    """Let one operation after another go wrong, each in a run of its own; in the end all is as if undisturbed.

    Args:
        operations: which of those that can meet it, from 0.
    """
    survived, began = Survived(CHAPTER, f"{kind.name}: once"), time.monotonic()
    request = replace(scenario.request, request_seconds=REQUEST_SECONDS)
    for number in operations:
        met: list[Operation] = []
        stage.set_up(scenario.start)
        ended = stage.run(request, _at(kind, number, met, lasting=False))
        if len(met) <= number:
            # This job has fewer of these operations.
            break
        survived.tried += 1
        where = f"{scenario.name}, {kind.name} at {met[number].label} ({number})"
        if ended.code not in (*kind.once, 10):
            survived.failures.append(f"{where}: ended with {ended.code}: {ended.log[-500:]}")
            continue
        if ended.code not in (0, 10):
            ended = stage.run(scenario.request)
        if wrong := stage.wrong(scenario, ended):
            survived.failures.append(f"{where}: {wrong}")
    survived.seconds = time.monotonic() - began
    return survived


def meets_from_then_on(stage: Stage, scenario: Scenario, kind: Kind, operations: Iterable[int]) -> Survived:
    """Let a job meet it from some operation on: it ends by the right code and says why; later it goes on."""
    survived, began = Survived(CHAPTER, f"{kind.name}: lasting"), time.monotonic()
    request = replace(scenario.request, request_seconds=REQUEST_SECONDS)
    for number in operations:
        met: list[Operation] = []
        stage.set_up(scenario.start)
        ended = stage.run(request, _at(kind, number, met, lasting=True))
        if len(met) <= number:
            break
        survived.tried += 1
        where = f"{scenario.name}, {kind.name} from {met[number].label} ({number}) on"
        if ended.code != kind.lasting or kind.says not in ended.log:
            survived.failures.append(f"{where}: ended with {ended.code}: {ended.log[-500:]}")
        if wrong := stage.wrong(scenario, ended if ended.code == 0 else stage.run(scenario.request)):
            survived.failures.append(f"{where}: {wrong}")
    survived.seconds = time.monotonic() - began
    return survived


def meets_a_storm(
    stage: Stage, scenario: Scenario, choice: random.Random, rounds: int, kinds: Sequence[Kind] = PASSING
) -> Survived:
    """Let any operation go wrong in any way that passes; started again where it ends with 75, the job gets through."""
    survived = Survived(CHAPTER, f"{scenario.name}: a storm of all of them")
    began = time.monotonic()
    request = replace(scenario.request, request_seconds=REQUEST_SECONDS)
    for _ in range(rounds):
        stage.set_up(scenario.start)
        trace: list[str] = []

        def fault(operation: Operation, trace: list[str] = trace) -> Answer:
            possible = [kind for kind in kinds if kind.meets(operation)]
            if choice.random() * 100 >= _STORM_PERCENT:
                return operation.apply()
            kind = choice.choice(possible)
            trace.append(f"{kind.name} at {operation.label}")
            return kind.fault(operation)

        for _ in range(_MOST_STARTS):
            ended = stage.run(request, fault)
            if ended.code != 75:
                break
        survived.tried += len(trace)
        if wrong := stage.wrong(scenario, ended):
            survived.failures.append(f"{scenario.name}, {'; '.join(trace)}: {wrong}")
    survived.seconds = time.monotonic() - began
    return survived


def _at(kind: Kind, number: int, met: list[Operation], *, lasting: bool) -> Fault:
    """Return what lets the operation of that number, of those that can meet it, go wrong; and all after it, lasting."""

    def fault(operation: Operation) -> Answer:
        if not kind.meets(operation):
            return operation.apply()
        met.append(operation)
        goes_wrong = len(met) > number if lasting else len(met) == number + 1
        return kind.fault(operation) if goes_wrong else operation.apply()

    return fault
