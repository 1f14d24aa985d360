"""One stack in containers, started from scratch and shared by all tests; each test leaves it healthy."""

from collections.abc import Iterator

import pytest

from local.bucket import LAKE_KEY
from local.ports import free_port
from local.s3 import S3Address, s3_environment
from local.sample_data import write_sample
from local.stack import Ports
from tests.harness.pipeline import THRESHOLDS, Pipeline
from tests.system.browser.chromium import browser as browser  # a fixture
from tests.system.compose.stack import Containers, MasterFile, Stack

_SAMPLE_ROWS, _MORE_ROWS = 20_000, 100_000
_CHUNK_SIZE = 1000


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("compose")
    ports = Ports(free_port(0), free_port(0), free_port(0))
    settings = {
        "AIRFLOW_PORT": str(ports.airflow),
        "DATABRICKS_PORT": str(ports.databricks),
        "S3_PORT": str(ports.s3),
        "SAMPLE_ROWS": str(_SAMPLE_ROWS),
        "CHUNK_SIZE": str(_CHUNK_SIZE),
        "HEALTH_INTERVAL": "2s",
        "THRESHOLDS": ",".join(THRESHOLDS[1::2]),
    }
    containers = Containers(f"transaction-patterns-test-{ports.airflow}", settings)
    try:
        containers.up()
        keys = [
            containers.compose("exec", "-T", "s3", "cat", f"/secrets/s3_{name}_key") for name in ("access", "secret")
        ]
        endpoint = f"http://127.0.0.1:{ports.s3}"
        s3 = S3Address(endpoint, s3_environment(endpoint, *keys))
        write_sample(directory, _MORE_ROWS, seed=5)
        source = MasterFile(s3, directory / "transactions.csv")
        yield Stack(containers, ports, s3, source, Pipeline(s3, LAKE_KEY, directory))
    finally:
        try:
            (directory / "logs").write_text(containers.compose("logs", "--no-color"))
        finally:
            containers.compose("down", "--volumes", "--timeout", "5")
