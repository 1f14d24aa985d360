"""Other releases of Airflow, each in its own environment and with an empty database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from local.databricks.server import LocalDatabricks
from local.s3 import LocalS3
from tests.harness.releases import MWAA, NEXT, NoSuchReleaseError, Release, install
from tests.harness.warm import warm_process
from tests.integration.dags.conftest import Airflow, airflow_variables, airflow_with_jobs, migrated_home
from tests.integration.dags.conftest import jobs_server as jobs_server  # a fixture
from tests.integration.dags.conftest import sleeper as sleeper  # a fixture

Reported = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module", params=[MWAA, NEXT], ids=lambda release: release.name)
def release(request: pytest.FixtureRequest) -> Release:
    release: Release = request.param
    try:
        install(release)
    except NoSuchReleaseError as error:
        pytest.skip(f"no Airflow newer than the locked one can be installed: {error}")
    return release


@pytest.fixture(scope="module")
def reported(release: Release) -> Reported:
    """Return a context in which a fault of a release that may fail is an expected failure, with its reason."""

    @contextmanager
    def context() -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if release.may_fail:
                pytest.xfail(f"Airflow {install(release)}: {error}"[:2000])
            raise

    return context


@pytest.fixture(scope="module")
def airflow(
    release: Release,
    reported: Reported,
    jobs_server: LocalDatabricks,
    s3: LocalS3,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Airflow]:
    """The release with a lake and jobs of its own."""
    home = tmp_path_factory.mktemp(f"airflow-{release.name}")
    with reported():
        migrated_home(home, release.python)
    variables = {**s3.environment, **airflow_variables(home)}
    with (
        warm_process(["tests.harness.airflow"], variables, release.python) as process,
        airflow_with_jobs(f"release-{release.name}", process, home, jobs_server, s3) as airflow,
    ):
        yield airflow


@pytest.fixture(scope="session")
def mwaa_python() -> Path:
    """A Python with MWAA's release of Airflow and two auth managers."""
    install(MWAA)
    return Path(MWAA.python)
