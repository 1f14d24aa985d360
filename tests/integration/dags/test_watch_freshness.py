"""`watch_freshness` run by Airflow, with a local S3."""

import json

import pytest

from spark_jobs.lake.layout import HEARTBEAT
from tests.harness.pipeline import BUCKET, wait_until
from tests.harness.webhook import webhook
from tests.integration.dags.conftest import Airflow

pytestmark = pytest.mark.processes


def test_late_landing_raises_an_alert_until_it_is_landed(airflow: Airflow) -> None:
    settings = json.loads(airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"])
    short = {"warning": 0.001, "critical": 3600}
    late = json.dumps({**settings, "landing_age_seconds": short, "commit_age_seconds": short})
    airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = late
    said = ""

    def is_said(*messages: str) -> bool:
        nonlocal said
        said += airflow.test_dag("watch_freshness")
        return all(message in said for message in messages)

    # S3 says the time in whole seconds, so nothing is late within the second of its upload.
    airflow.upload(5)
    wait_until(lambda: is_said("WARNING landing-late"))
    airflow.test_dag("chunk_transactions")
    wait_until(lambda: is_said("RESOLVED landing-late", "WARNING commit-late"))


def test_a_dead_mans_switch_is_called_after_each_measurement_and_not_after_a_failed_one(airflow: Airflow) -> None:
    settings = json.loads(airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"])
    alive = json.dumps({**settings, "alive_connection": "alive"})
    airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = alive
    with webhook() as (port, received):
        switch = {"conn_type": "http", "host": "127.0.0.1", "port": port, "schema": "http"}
        airflow.environment["AIRFLOW_CONN_ALIVE"] = json.dumps(switch)
        airflow.s3.client().put_object(Bucket=BUCKET, Key=f"{airflow.name}.csv", Body=b"step")
        airflow.s3.client().put_object(Bucket=BUCKET, Key=f"{airflow.name}/{HEARTBEAT}", Body=b"damaged")
        said = airflow.test_dag("watch_freshness")
        assert received == [], said
        airflow.s3.client().delete_object(Bucket=BUCKET, Key=f"{airflow.name}/{HEARTBEAT}")
        said = airflow.test_dag("watch_freshness")
        assert received == [{"text": "watch_freshness is alive"}], said


def test_settings_that_are_not_json_reach_people_through_the_fallback_once(airflow: Airflow) -> None:
    with webhook() as (port, received):
        fallback = {"conn_type": "http", "host": "127.0.0.1", "port": port, "schema": "http", "password": "x"}
        airflow.environment["AIRFLOW_CONN_TRANSACTION_PATTERNS_ALERTS"] = json.dumps(fallback)
        settings = airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"]
        airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = settings[:-1]
        for _ in range(2):
            airflow.test_dag("watch_freshness")
        [message] = received
        assert message["text"].startswith("FAILED watch_freshness.watch: run ")
        assert "try 1: Airflow variable transaction_patterns: not JSON" in message["text"]
        airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = settings
        airflow.upload(5)
        airflow.test_dag("watch_freshness")
        assert {"text": "RESOLVED watch_freshness.watch"} in received
