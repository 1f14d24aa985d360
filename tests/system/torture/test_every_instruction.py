"""A job killed at any storage operation and restarted leaves the same lake as an undisturbed one."""

import random
from itertools import groupby

import pytest

from tests.system.torture.every_instruction import Moment, crash_points, kill_at, kill_repeatedly
from tests.system.torture.scenarios import Scenario, Stage

pytestmark = pytest.mark.processes

_OF_EACH_LABEL = 2
_DELTA_LOG = {"_delta_log/N.checkpoint.parquet", "_delta_log/_last_checkpoint"}
# Writes under a condition that does not hold, at the first chunk and at each empty table, which S3 refuses.
_REFUSED = 2
# Every write of an undisturbed run. Before adding one, consider what is left if the job is killed right after it.
WRITES = {
    "chunker": {
        "PUT lake/landing_zone/chunk_N.csv": 4 + _REFUSED,
        "PUT lake/quarantine/quarantine_N.csv": 2,
        "PUT lake/offset.csv": 4,
    },
    "detector": {
        "PUT lake/state/pairs/_delta_log/N.json": 7 + _REFUSED,
        "PUT lake/state/pairs/part-00000-U-c000.zstd.parquet": 6,
        "PUT lake/state/merchants/_delta_log/N.json": 6 + _REFUSED,
        "PUT lake/state/merchants/part-00000-U-c000.zstd.parquet": 5,
        "PUT lake/state/detections/_delta_log/N.json": 5 + _REFUSED,
        "PUT lake/state/detections/part-00000-U-c000.zstd.parquet": 4,
        "PUT lake/detections/detections_N_N.csv": 2,
        "PUT lake/state/detector.json": 2,
        "PUT lake/state/detector_history.json": 2,
    },
    "maintain_state": {
        **{
            f"PUT lake/state/{table}/{name}": 1 for table in ("pairs", "merchants", "detections") for name in _DELTA_LOG
        },
        "PUT lake/state/pairs/_delta_log/N.json": 2,
        "PUT lake/state/merchants/_delta_log/N.json": 1,
        "PUT lake/state/merchants/part-00000-U-c000.zstd.parquet": 1,
        "DELETE MANY 1 objects": 1,
        "DELETE MANY 2 objects": 1,
        "DELETE MANY 4 objects": 2,
        "DELETE MANY 6 objects": 1,
    },
}


@pytest.mark.parametrize("job", WRITES)
def test_all_writes_are_listed(scenarios: dict[str, Scenario], job: str) -> None:
    assert dict(scenarios[job].writes()) == WRITES[job]


@pytest.mark.slow
@pytest.mark.parametrize("job", WRITES)
def test_a_kill_at_any_operation_changes_no_result(stage: Stage, scenarios: dict[str, Scenario], job: str) -> None:
    scenario = scenarios[job]
    assert kill_at(stage, scenario, short_form(scenario)).failures == []


@pytest.mark.slow
@pytest.mark.parametrize("job", WRITES)
def test_repeated_kills_change_no_result(stage: Stage, scenarios: dict[str, Scenario], job: str) -> None:
    assert kill_repeatedly(stage, scenarios[job], random.Random(job), rounds=1).failures == []


def short_form(scenario: Scenario) -> list[Moment]:
    """Return crash points for the states that storage can be left in: after writes, and halfway through deletions."""
    moments = crash_points(scenario)
    halves = [m for m in moments if m.when == "during" and m.label.startswith("DELETE MANY")]
    by_label = sorted((m for m in moments if m.when == "after"), key=lambda moment: moment.label)
    # The long form has all of them.
    few = [moment for _, same in groupby(by_label, lambda m: m.label) for moment in list(same)[:_OF_EACH_LABEL]]
    return sorted([*few, *halves], key=lambda moment: moment.operation)
