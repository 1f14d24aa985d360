"""`supervise_detector` run by Airflow, with a local Databricks and a job in place of the detector."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from databricks.sdk.service import jobs

from spark_jobs.lake.layout import HEARTBEAT, OFFSET
from spark_jobs.lake.offset import Offset, format_offset
from tests.harness.pipeline import BUCKET, wait_until
from tests.integration.dags.conftest import Airflow

pytestmark = pytest.mark.processes


def create_detector(airflow: Airflow, sleeper: str, pause_status: jobs.PauseStatus) -> int:
    created = airflow.databricks.jobs.create(
        name=f"{airflow.name}-detector",
        tasks=[jobs.Task("detector", spark_python_task=jobs.SparkPythonTask(sleeper))],
        continuous=jobs.Continuous(pause_status=pause_status),
    )
    return created.job_id or 0


def live_runs(airflow: Airflow) -> list[int]:
    [job] = airflow.databricks.jobs.list(name=f"{airflow.name}-detector")
    runs = airflow.databricks.jobs.list_runs(job_id=job.job_id, active_only=True)
    return [run.run_id or 0 for run in runs]


def test_a_paused_detector_is_unpaused_with_one_alert(airflow: Airflow, sleeper: str) -> None:
    create_detector(airflow, sleeper, jobs.PauseStatus.PAUSED)
    said = airflow.test_dag("supervise_detector")
    assert "unpause the job: the job is paused" in said
    assert "alert: WARNING detector-paused" in said
    wait_until(lambda: len(live_runs(airflow)) == 1)
    again = airflow.test_dag("supervise_detector")
    assert "RESOLVED detector-paused" in again
    assert "WARNING detector-paused" not in again


def test_a_detector_that_leaves_chunks_waiting_is_restarted(airflow: Airflow, sleeper: str) -> None:
    settings = json.loads(airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"])
    short = json.dumps({**settings, "start_seconds": 0.001, "stuck_seconds": 0.001, "heartbeat_seconds": 3600})
    airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = short
    create_detector(airflow, sleeper, jobs.PauseStatus.UNPAUSED)
    wait_until(lambda: len(live_runs(airflow)) == 1)
    [first] = live_runs(airflow)
    now = datetime.now(UTC).isoformat()
    beat = {"started_at": now, "updated_at": now, "committed_line": 0, "landed_line": 10, "waiting": 0}
    client = airflow.s3.client()
    client.put_object(Bucket=BUCKET, Key=f"{airflow.name}/landing_zone/chunk_000000000000.csv", Body=b"-")
    client.put_object(Bucket=BUCKET, Key=f"{airflow.name}/{HEARTBEAT}", Body=json.dumps(beat))
    offset = format_offset(Offset(10, 100, 100, "", now, ""))
    client.put_object(Bucket=BUCKET, Key=f"{airflow.name}/{OFFSET}", Body=offset)
    # S3 says the time in whole seconds, so nothing has waited within the second of its upload.
    wait_until(lambda: "cancel the run: a chunk has waited" in airflow.test_dag("supervise_detector"))
    wait_until(lambda: live_runs(airflow) not in ([], [first]))


def test_a_permanent_failure_is_an_alert_and_is_not_restarted(airflow: Airflow, tmp_path: Path) -> None:
    settings = json.loads(airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"])
    impatient = json.dumps({**settings, "pause_seconds": 0.001, "backoff_seconds": 0.001})
    airflow.environment["AIRFLOW_VAR_TRANSACTION_PATTERNS"] = impatient
    event = json.dumps({"event": "the state is newer", "retryable": False})
    script = tmp_path / "failing.py"
    script.write_text(f"import sys\nprint({event!r}, file=sys.stderr)\nsys.exit(70)\n")
    # Not continuous: what the local Databricks restarts cannot be told from what the supervisor does.
    created = airflow.databricks.jobs.create(
        name=f"{airflow.name}-detector",
        tasks=[jobs.Task("detector", spark_python_task=jobs.SparkPythonTask(str(script)))],
    )
    run_id = airflow.databricks.jobs.run_now(created.job_id or 0).run_id
    wait_until(lambda: bool(airflow.databricks.jobs.get_run(run_id).end_time))
    alert = f"CRITICAL detector-failed: run {run_id} failed permanently, and restarts cannot help: the state is newer"
    assert f"alert: {alert}" in airflow.test_dag("supervise_detector")
    assert "alert:" not in airflow.test_dag("supervise_detector")
    assert [run.run_id for run in airflow.runs(f"{airflow.name}-detector")] == [run_id]


def test_a_missing_job_is_an_alert(airflow: Airflow) -> None:
    said = airflow.test_dag("supervise_detector")
    assert f"CRITICAL detector-missing: the workspace has no job '{airflow.name}-detector'" in said
