"""`supervise_chunker` run by Airflow, with a local S3 and a local Databricks."""

from dataclasses import replace

import pytest

from local.jobs import Lake, chunker_job
from tests.harness.pipeline import BUCKET, wait_until
from tests.integration.dags.conftest import Airflow

pytestmark = pytest.mark.processes

MODE = "AIRFLOW__TRANSACTION_PATTERNS__CHUNKER_MODE"


def deploy_following(airflow: Airflow) -> None:
    """Deploy the chunker's job for the mode `follow`."""
    lake = Lake(f"s3://{BUCKET}/{airflow.name}.csv", f"s3://{BUCKET}/{airflow.name}", chunk_size=10)
    definition = chunker_job(replace(lake, chunker_mode="follow"))
    definition.name = f"{airflow.name}-chunker"
    [job] = airflow.databricks.jobs.list(name=definition.name)
    airflow.databricks.jobs.reset(job.job_id or 0, definition)


def await_landed(airflow: Airflow, chunks: int) -> None:
    wait_until(lambda: len(airflow.keys("landing_zone")) == chunks, between=0.1)


def test_one_run_follows_once_both_airflow_and_the_job_are_set_for_it(airflow: Airflow) -> None:
    airflow.upload(35)
    assert "Airflow's chunker_mode is run: chunk_transactions lands" in airflow.test_dag("supervise_chunker")
    airflow.environment[MODE] = "follow"
    said = airflow.test_dag("supervise_chunker")
    assert (
        f"CRITICAL chunker-not-following: Airflow's chunker_mode is follow, but runs of the job '{airflow.name}" in said
    )
    assert airflow.runs(f"{airflow.name}-chunker") == []

    deploy_following(airflow)
    said = airflow.test_dag("supervise_chunker")
    assert "start a run: no run is live" in said
    assert "alert: RESOLVED chunker-not-following" in said
    await_landed(airflow, 4)
    said = airflow.test_dag("supervise_chunker")
    assert "start a run" not in said
    assert "alert:" not in said
    [run] = airflow.runs(f"{airflow.name}-chunker")
    assert run.end_time in (0, None), "it follows"


@pytest.mark.slow
def test_a_permanent_failure_is_told_once_and_the_next_run_starts_when_the_file_is_repaired(airflow: Airflow) -> None:
    airflow.environment[MODE] = "follow"
    deploy_following(airflow)
    airflow.s3.client().put_object(Bucket=BUCKET, Key=f"{airflow.name}.csv", Body=b"a,b\n1,2\n")
    airflow.test_dag("supervise_chunker")
    wait_until(lambda: all(run.end_time for run in airflow.runs(f"{airflow.name}-chunker")), between=0.1)
    said = airflow.test_dag("supervise_chunker")
    [failed] = airflow.runs(f"{airflow.name}-chunker")
    assert f"alert: CRITICAL chunker-failed: run {failed.run_id} failed permanently" in said
    assert "no column customer" in said
    said = airflow.test_dag("supervise_chunker")
    assert "alert:" not in said
    assert "start a run" not in said
    airflow.upload(5)
    assert "start a run: no run is live" in airflow.test_dag("supervise_chunker")
    await_landed(airflow, 1)
    airflow.environment[MODE] = "run"
    assert "alert: RESOLVED chunker-failed" in airflow.test_dag("watch_freshness")


def test_an_unknown_mode_is_an_import_error_that_names_it(airflow: Airflow) -> None:
    airflow.environment[MODE] = "always"
    for dag_id in ("supervise_chunker", "chunk_transactions"):
        assert f"[transaction_patterns] chunker_mode ({MODE}) must be run or follow, not 'always'" in airflow.test_dag(
            dag_id
        )
