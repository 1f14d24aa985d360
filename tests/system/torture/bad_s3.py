"""Each job on a faulty S3: with one fault, a permanent fault, and random faults."""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.system.torture.faults import PASSING, REQUEST_SECONDS, Kind
from tests.system.torture.operations import Answer, Fault, Operation
from tests.system.torture.scenarios import Scenario, Stage
from tests.system.torture.survived import Survived

CHAPTER = "a bad S3"
# Percentage of operations that get a fault.
_STORM_PERCENT = 4
_MAX_STARTS = 40


def run_with_one_fault(stage: Stage, scenario: Scenario, kind: Kind, operations: Iterable[int]) -> Survived:
    """Give one operation per run the fault, restart the job if needed, and compare with an undisturbed run.

    Args:
        operations: positions among the operations that the fault applies to, from 0.
    """
    survived, began = Survived(CHAPTER, f"{kind.name}: once"), time.monotonic()
    request = replace(scenario.request, request_seconds=REQUEST_SECONDS)
    for number in operations:
        met: list[Operation] = []
        stage.set_up(scenario.start)
        ended = stage.run(request, _fault_at(kind, number, met, lasting=False))
        if len(met) <= number:
            # The job has fewer such operations.
            break
        survived.tried += 1
        where = f"{scenario.name}, {kind.name} at {met[number].label} ({number})"
        if ended.code not in (*kind.once, 10):
            survived.failures.append(f"{where}: ended with {ended.code}: {ended.log[-500:]}")
            continue
        if ended.code not in (0, 10):
            ended = stage.run(scenario.request)
        if difference := stage.difference(scenario, ended):
            survived.failures.append(f"{where}: {difference}")
    survived.seconds = time.monotonic() - began
    return survived


def run_with_lasting_fault(stage: Stage, scenario: Scenario, kind: Kind, operations: Iterable[int]) -> Survived:
    """Give all operations from one on the fault, check exit code and error, then rerun without faults and compare.

    Args:
        operations: positions among the operations that the fault applies to, from 0.
    """
    survived, began = Survived(CHAPTER, f"{kind.name}: lasting"), time.monotonic()
    request = replace(scenario.request, request_seconds=REQUEST_SECONDS)
    for number in operations:
        met: list[Operation] = []
        stage.set_up(scenario.start)
        ended = stage.run(request, _fault_at(kind, number, met, lasting=True))
        if len(met) <= number:
            break
        survived.tried += 1
        where = f"{scenario.name}, {kind.name} from {met[number].label} ({number}) on"
        if ended.code != kind.lasting or kind.message not in ended.log:
            survived.failures.append(f"{where}: ended with {ended.code}: {ended.log[-500:]}")
        if difference := stage.difference(scenario, ended if ended.code == 0 else stage.run(scenario.request)):
            survived.failures.append(f"{where}: {difference}")
    survived.seconds = time.monotonic() - began
    return survived


def run_with_random_faults(
    stage: Stage, scenario: Scenario, choice: random.Random, rounds: int, kinds: Sequence[Kind] = PASSING
) -> Survived:
    """Give random operations random faults, restart the job while it ends with 75, and compare."""
    survived = Survived(CHAPTER, f"{scenario.name}: random faults")
    began = time.monotonic()
    request = replace(scenario.request, request_seconds=REQUEST_SECONDS)
    for _ in range(rounds):
        stage.set_up(scenario.start)
        trace: list[str] = []

        def fault(operation: Operation, trace: list[str] = trace) -> Answer:
            possible = [kind for kind in kinds if kind.applies_to(operation)]
            if choice.random() * 100 >= _STORM_PERCENT:
                return operation.apply()
            kind = choice.choice(possible)
            trace.append(f"{kind.name} at {operation.label}")
            return kind.fault(operation)

        for _ in range(_MAX_STARTS):
            ended = stage.run(request, fault)
            if ended.code != 75:
                break
        survived.tried += len(trace)
        if difference := stage.difference(scenario, ended):
            survived.failures.append(f"{scenario.name}, {'; '.join(trace)}: {difference}")
    survived.seconds = time.monotonic() - began
    return survived


def _fault_at(kind: Kind, number: int, met: list[Operation], *, lasting: bool) -> Fault:
    """Return the fault at one of the operations that `kind` applies to and, if lasting, at all later ones."""

    def fault(operation: Operation) -> Answer:
        if not kind.applies_to(operation):
            return operation.apply()
        met.append(operation)
        is_due = len(met) > number if lasting else len(met) == number + 1
        return kind.fault(operation) if is_due else operation.apply()

    return fault
