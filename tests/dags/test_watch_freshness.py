"""`watch_freshness` run by Airflow, with a local S3."""

import json

import pytest

from tests.dags.conftest import Airflow

pytestmark = pytest.mark.processes


def test_late_landing_raises_an_alert_until_it_is_landed(airflow: Airflow) -> None:
    settings = json.loads(airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"])
    short = {"warning": 0.001, "critical": 3600}
    late = json.dumps({**settings, "landing_age_seconds": short, "commit_age_seconds": short})
    airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = late
    airflow.upload(5)
    assert "WARNING landing-late" in airflow.test_dag("watch_freshness")
    airflow.test_dag("chunk_transactions")
    said = airflow.test_dag("watch_freshness")
    assert "RESOLVED landing-late" in said
    assert "WARNING commit-late" in said
