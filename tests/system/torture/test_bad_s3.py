"""Jobs survive temporary faults of S3 and stop at permanent ones with a clear error."""

import random

import pytest

from tests.system.torture.bad_s3 import run_with_lasting_fault, run_with_one_fault, run_with_random_faults
from tests.system.torture.faults import KINDS, PASSING, REFUSALS, Kind
from tests.system.torture.scenarios import Scenario, Stage

pytestmark = pytest.mark.processes

LOST_ANSWERS = [kind for kind in PASSING if kind.name.endswith("took effect")]
CUT_WITHIN = next(kind for kind in PASSING if kind.name.endswith("the middle of the body"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_chunker_survives_a_single_fault(stage: Stage, scenarios: dict[str, Scenario], kind: Kind) -> None:
    survived = run_with_one_fault(stage, scenarios["chunker"], kind, (0, 2, 3))
    assert survived.tried >= 2
    assert survived.failures == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", LOST_ANSWERS, ids=lambda kind: kind.name)
def test_a_detector_recognizes_its_commit_after_a_lost_response(
    stage: Stage, scenarios: dict[str, Scenario], kind: Kind
) -> None:
    survived = run_with_one_fault(stage, scenarios["detector"], kind, (12, 15))
    assert survived.failures == []


@pytest.mark.slow
def test_maintenance_retries_a_truncated_response(stage: Stage, scenarios: dict[str, Scenario]) -> None:
    survived = run_with_one_fault(stage, scenarios["maintain_state"], CUT_WITHIN, range(0, 100, 10))
    assert survived.tried >= 5
    assert survived.failures == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.name)
def test_a_permanent_refusal_stops_a_job_with_a_remedy(
    stage: Stage, scenarios: dict[str, Scenario], kind: Kind
) -> None:
    for job in ("chunker", "detector"):
        assert run_with_lasting_fault(stage, scenarios[job], kind, (0,)).failures == []


@pytest.mark.parametrize("job", ["chunker", "detector", "maintain_state"])
def test_a_job_survives_random_faults(stage: Stage, scenarios: dict[str, Scenario], job: str) -> None:
    assert run_with_random_faults(stage, scenarios[job], random.Random(job), rounds=1).failures == []
