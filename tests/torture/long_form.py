"""What `make torture` does that the tests do not: every crash point, every kind of fault, on all cores."""

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import TypeVar

from tests.torture.bad_s3 import meets_a_storm, meets_from_then_on, meets_once
from tests.torture.every_instruction import kill_again_and_again, kill_at, moments_of
from tests.torture.faults import KINDS, PASSING
from tests.torture.jobs import job_processes
from tests.torture.s3 import faulty_s3
from tests.torture.scenarios import Stage
from tests.torture.survived import Survived, merged

# One part of a whole: its number, how many there are, and the seed.
Part = Callable[[int, int, int], list[Survived]]
_Item = TypeVar("_Item")

_ROUNDS = 3
_STORM_ROUNDS = 8
_SPARK_KILLS = 5
# Operations of a job at which a fault is tried once: spread over the whole run.
_ONCE_AT = {"chunker": range(25), "detector": range(0, 210, 15), "maintain_state": range(0, 230, 25)}


def on_all_cores(part: Part, seed: int) -> list[Survived]:
    """Run the parts of a whole side by side, each with an S3 of its own."""
    parts = os.cpu_count() or 1
    with ProcessPoolExecutor(parts, mp_context=get_context("spawn")) as pool:
        found = [pool.submit(part, number, parts, seed) for number in range(parts)]
        return merged(line for future in found for line in future.result())


def every_instruction(part: int, parts: int, seed: int) -> list[Survived]:
    """Kill each job at every operation of chunk files, and at every write of a landing zone in Delta."""
    survived = []
    with faulty_s3() as s3, job_processes(s3.environment) as jobs:
        stage = Stage(s3, jobs)
        for landing_format in ("csv", "delta"):
            for scenario in stage.scenarios(landing_format):
                moments = moments_of(scenario)
                if landing_format == "delta":
                    # Between two writes storage stays as it is, whatever is read.
                    moments = [moment for moment in moments if scenario.operations[moment.operation][1]]
                survived.append(kill_at(stage, scenario, moments[part::parts]))
                choice = random.Random(f"{seed} {part} {scenario.name}")
                survived.append(kill_again_and_again(stage, scenario, choice, _ROUNDS))
    return survived


def every_instruction_under_spark(part: int, parts: int, seed: int) -> list[Survived]:
    """Kill the detector, Spark and all, at some of its writes."""
    with faulty_s3() as s3, job_processes(s3.environment) as jobs:
        stage = Stage(s3, jobs)
        detector = next(scenario for scenario in stage.scenarios("csv") if scenario.name.startswith("detector"))
        whole = replace(detector, name="detector under Spark", request=replace(detector.request, spark=True))
        writes = [moment for moment in moments_of(whole) if whole.operations[moment.operation][1]]
        chosen = random.Random(seed).sample(writes, _SPARK_KILLS)
        return [kill_at(stage, whole, chosen[part::parts])]


def bad_s3(part: int, parts: int, seed: int) -> list[Survived]:
    """Let each kind of fault meet each job once at many operations, for good from its beginning on, and all at once."""
    survived = []
    with faulty_s3() as s3, job_processes(s3.environment) as jobs:
        stage = Stage(s3, jobs)
        for scenario in stage.scenarios("csv"):
            job = scenario.name.partition(",")[0]
            for kind in _part(KINDS, part, parts):
                survived.append(meets_once(stage, scenario, kind, _ONCE_AT[job]))
                # Where a client retries each of many requests, the detector's take minutes: the chunker stands for it.
                if kind.lasting is not None and (job == "chunker" or kind.lasting == 70):
                    survived.append(meets_from_then_on(stage, scenario, kind, (0, 3)))
            choice = random.Random(f"{seed} {part} {job}")
            survived.append(meets_a_storm(stage, scenario, choice, _STORM_ROUNDS, PASSING))
        # A landing zone in Delta is written by the same appends as the state: what is new is how chunks are read.
        for scenario in stage.scenarios("delta"):
            choice = random.Random(f"{seed} {part} {scenario.name}")
            survived.append(meets_a_storm(stage, scenario, choice, _STORM_ROUNDS, PASSING))
    return survived


def _part(items: Sequence[_Item], part: int, parts: int) -> Sequence[_Item]:
    return items[part::parts]
