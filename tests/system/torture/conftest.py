"""A faulty S3 and its scenarios, shared by all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.system.torture.jobs import job_processes
from tests.system.torture.s3 import faulty_s3
from tests.system.torture.scenarios import Scenario, Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    with faulty_s3() as s3, job_processes(s3.environment) as jobs:
        yield Stage(s3, jobs)


@pytest.fixture(scope="session")
def scenarios(stage: Stage) -> dict[str, Scenario]:
    """The scenarios with CSV chunks, by job."""
    return {scenario.name.partition(",")[0]: scenario for scenario in stage.scenarios("csv")}
