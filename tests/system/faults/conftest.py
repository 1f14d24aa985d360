"""One running system for all faults."""

import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.bucket import BUCKET, IMPORTANCE_KEY, LAKE_KEY, SOURCE_KEY
from local.growing_file import GrowingFile
from local.sample_data import write_sample
from local.stack import Layout, running_s3, running_stack
from tests.harness.pipeline import THRESHOLDS, Pipeline
from tests.harness.webhook import webhook
from tests.system.browser.chromium import browser as browser  # a fixture
from tests.system.faults.running import START_DELAY, Running, seen_command_lines

ROWS = 120_000


def _bundles() -> list[dict[str, Any]]:
    """Return the DAG bundles of the project and of the tests."""
    folders = {"dags-folder": {}, "tests": {"path": str(Path(__file__).parent / "dags")}}
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return [{"name": name, "classpath": local, "kwargs": kwargs} for name, kwargs in folders.items()]


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("stack")
    write_sample(directory, ROWS, seed=5)
    layout = Layout(
        directory,
        with_importance=True,
        chunk_size=1000,
        thresholds=",".join(THRESHOLDS[1::2]),
        # Leaves time to kill something while the chunker runs.
        databricks_arguments=START_DELAY,
        # Short, so that no test waits for minutes.
        settings={
            "alert_connection": "ops",
            "heartbeat_seconds": 10,
            "stuck_seconds": 30,
            "start_seconds": 60,
            "max_restarts_per_hour": 50,
        },
        airflow_environment={
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        },
    )
    with pytest.MonkeyPatch.context() as environment, webhook() as (port, notified), running_s3(layout) as s3:
        # As with Slack, the path is the secret.
        ops_token = secrets.token_hex(20)
        connection = {"conn_type": "http", "host": "127.0.0.1", "port": port, "schema": "http", "password": ops_token}
        environment.setenv("AIRFLOW_CONN_OPS", json.dumps(connection))
        environment.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(_bundles()))
        s3.client().upload_file(str(directory / "CustomerImportance.csv"), BUCKET, IMPORTANCE_KEY)
        rows = directory / "transactions.csv"
        with (
            closing(GrowingFile(s3.client(), BUCKET, SOURCE_KEY, rows, 1.0)) as source,
            seen_command_lines() as command_lines,
            running_stack(layout, s3) as stack,
        ):
            pipeline = Pipeline(s3, LAKE_KEY, directory)
            yield Running(stack, source, notified, pipeline, layout, ops_token, command_lines)
