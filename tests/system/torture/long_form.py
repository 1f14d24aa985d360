"""The long form, for `make torture`: every crash point and every kind of fault, on all cores."""

import os
import random
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import TypeVar

from local import processes
from tests.system.torture.bad_s3 import run_with_lasting_fault, run_with_one_fault, run_with_random_faults
from tests.system.torture.every_instruction import crash_points, kill_at, kill_repeatedly
from tests.system.torture.faults import KINDS, PASSING
from tests.system.torture.jobs import job_processes
from tests.system.torture.s3 import faulty_s3
from tests.system.torture.scenarios import Stage
from tests.system.torture.survived import Survived, merged

# Arguments: the number of the part, the number of parts, the seed.
Part = Callable[[int, int, int], list[Survived]]
_Item = TypeVar("_Item")

_ROUNDS = 3
_STORM_ROUNDS = 8
_SPARK_KILLS = 5
# Operations that get a single fault, spread over the job's run.
_ONCE_AT = {"chunker": range(25), "detector": range(0, 210, 15), "maintain_state": range(0, 230, 25)}


def run_on_all_cores(part: Part, seed: int) -> list[Survived]:
    """Run all parts in parallel, each with its own S3."""
    parts = os.cpu_count() or 1
    # Workers would otherwise wait forever for a parent that was killed.
    with ProcessPoolExecutor(
        parts, get_context("spawn"), initializer=processes.end_with_parent, initargs=(signal.SIGKILL,)
    ) as pool:
        found = [pool.submit(part, number, parts, seed) for number in range(parts)]
        return merged(line for future in found for line in future.result())


def every_instruction(part: int, parts: int, seed: int) -> list[Survived]:
    """Kill each job at every operation with CSV chunks, and at every write with a Delta landing zone."""
    survived = []
    with faulty_s3() as s3, job_processes(s3.environment) as jobs:
        stage = Stage(s3, jobs)
        for landing_format in ("csv", "delta"):
            for scenario in stage.scenarios(landing_format):
                moments = crash_points(scenario)
                if landing_format == "delta":
                    # Reads between two writes leave the same storage behind.
                    moments = [moment for moment in moments if scenario.operations[moment.operation][1]]
                survived.append(kill_at(stage, scenario, moments[part::parts]))
                choice = random.Random(f"{seed} {part} {scenario.name}")
                survived.append(kill_repeatedly(stage, scenario, choice, _ROUNDS))
    return survived


def every_instruction_under_spark(part: int, parts: int, seed: int) -> list[Survived]:
    """Kill the detector under Spark at some of its writes."""
    with faulty_s3() as s3, job_processes(s3.environment) as jobs:
        stage = Stage(s3, jobs)
        detector = next(scenario for scenario in stage.scenarios("csv") if scenario.name.startswith("detector"))
        under_spark = replace(detector, name="detector under Spark", request=replace(detector.request, spark=True))
        writes = [moment for moment in crash_points(under_spark) if under_spark.operations[moment.operation][1]]
        chosen = random.Random(seed).sample(writes, _SPARK_KILLS)
        return [kill_at(stage, under_spark, chosen[part::parts])]


def bad_s3(part: int, parts: int, seed: int) -> list[Survived]:
    """Run each job with each kind of fault, once and permanently, and with random faults."""
    survived = []
    with faulty_s3() as s3, job_processes(s3.environment) as jobs:
        stage = Stage(s3, jobs)
        for scenario in stage.scenarios("csv"):
            job = scenario.name.partition(",")[0]
            for kind in _part(KINDS, part, parts):
                survived.append(run_with_one_fault(stage, scenario, kind, _ONCE_AT[job]))
                # A lasting retryable fault takes minutes of retries in the other jobs: only the chunker is tried.
                if kind.lasting is not None and (job == "chunker" or kind.lasting == 70):
                    survived.append(run_with_lasting_fault(stage, scenario, kind, (0, 3)))
            choice = random.Random(f"{seed} {part} {job}")
            survived.append(run_with_random_faults(stage, scenario, choice, _STORM_ROUNDS, PASSING))
        # A Delta landing zone is written by the same appends as the state, so random faults suffice.
        for scenario in stage.scenarios("delta"):
            choice = random.Random(f"{seed} {part} {scenario.name}")
            survived.append(run_with_random_faults(stage, scenario, choice, _STORM_ROUNDS, PASSING))
    return survived


def _part(items: Sequence[_Item], part: int, parts: int) -> Sequence[_Item]:
    return items[part::parts]
