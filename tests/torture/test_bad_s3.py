"""An S3 that goes wrong is borne where that is right, and stops a job with a clear error where it is not."""

import random

import pytest

from tests.torture.bad_s3 import meets_a_storm, meets_from_then_on, meets_once
from tests.torture.faults import KINDS, PASSING, REFUSALS, Kind
from tests.torture.scenarios import Scenario, Stage

pytestmark = pytest.mark.processes

LOST_ANSWERS = [kind for kind in PASSING if kind.name.endswith("took effect")]
CUT_WITHIN = next(kind for kind in PASSING if kind.name.endswith("the middle of the body"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_chunker_that_meets_it_once_loses_nothing(stage: Stage, scenarios: dict[str, Scenario], kind: Kind) -> None:
    survived = meets_once(stage, scenarios["chunker"], kind, (0, 2, 3))
    assert survived.tried >= 2
    assert survived.failures == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", LOST_ANSWERS, ids=lambda kind: kind.name)
def test_a_detector_knows_its_own_commit_whose_answer_was_lost(
    stage: Stage, scenarios: dict[str, Scenario], kind: Kind
) -> None:
    survived = meets_once(stage, scenarios["detector"], kind, (12, 15))
    assert survived.failures == [], "it must end with 0: as if it had not happened"


@pytest.mark.slow
def test_maintenance_asks_again_for_what_was_cut_in_the_middle(stage: Stage, scenarios: dict[str, Scenario]) -> None:
    survived = meets_once(stage, scenarios["maintain_state"], CUT_WITHIN, range(0, 100, 10))
    assert survived.tried >= 5
    assert survived.failures == [], "it must end with 0: as if it had not happened"


@pytest.mark.slow
@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.name)
def test_what_the_store_refuses_stops_a_job_and_says_what_to_do(
    stage: Stage, scenarios: dict[str, Scenario], kind: Kind
) -> None:
    for job in ("chunker", "detector"):
        assert meets_from_then_on(stage, scenarios[job], kind, (0,)).failures == []


@pytest.mark.parametrize("job", ["chunker", "detector", "maintain_state"])
def test_in_a_storm_of_all_of_it_a_job_gets_through(stage: Stage, scenarios: dict[str, Scenario], job: str) -> None:
    assert meets_a_storm(stage, scenarios[job], random.Random(job), rounds=1).failures == []
