"""What tests share: one local S3 for all that need one."""

import logging
import os
import tempfile
from collections.abc import Iterator

import pytest

from local.s3 import LocalS3, local_s3

# Importing Airflow writes to its home: never the home of whoever runs the tests.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
# It also makes every logger speak from INFO on; py4j does so after pytest has closed the log.
logging.getLogger("py4j").setLevel(logging.WARNING)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write the page's pictures into docs/images")


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalS3]:
    with local_s3(tmp_path_factory.mktemp("s3") / "s3.log", buckets=("transactions",)) as server:
        yield server
