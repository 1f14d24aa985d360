"""Fixtures and order of all tests."""

import logging
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from local.s3 import LocalS3, local_s3

# Importing Airflow writes to its home directory, which must not be the developer's.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
# Airflow sets every logger to INFO; py4j then writes after pytest has closed its capture.
logging.getLogger("py4j").setLevel(logging.WARNING)

# `make test` tries few examples of each property, `make test-all` many.
settings.register_profile("quick", max_examples=20, stateful_step_count=20, deadline=None)
settings.register_profile("thorough", max_examples=50, stateful_step_count=30, deadline=None)
settings.load_profile("quick")

# Folders and modules whose tests share something that is expensive to start: one worker runs all of them. The longest
# come first, so that the short ones fill the workers at the end.
_TOGETHER = (
    "system/faults",
    "integration/processes/test_runtimes.py",
    "integration/processes",
    "integration/spark_state",
    "integration/terraform",
    "system/test_run.py",
    "system/browser",
    "integration/releases",
    "integration/dags",
    "integration/local/databricks",
    "unit/chunker/test_land_machine.py",
    "unit/bad_input/test_files.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write the page's pictures into docs/images")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {group: place for place, group in enumerate(_TOGETHER)}
    items.sort(key=lambda item: order.get(_group(item.nodeid), len(order)))


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Lets one worker run all tests of a group, in place of `--dist=loadgroup`, which pytest 9.2 breaks."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    return GroupScheduling(config, log)


def _group(nodeid: str) -> str:
    path = nodeid.partition("::")[0].removeprefix("tests/")
    return next((group for group in _TOGETHER if path.startswith(group)), path)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalS3]:
    """One local S3 for all tests of a worker."""
    with local_s3(tmp_path_factory.mktemp("s3") / "s3.log", buckets=("transactions",)) as server:
        yield server
