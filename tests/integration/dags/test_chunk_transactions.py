"""`chunk_transactions` run by Airflow, with a local S3 and a local Databricks."""

import pytest

from tests.integration.dags.conftest import Airflow

pytestmark = pytest.mark.processes


def test_a_run_lands_the_backlog_and_the_next_is_skipped_even_after_an_identical_upload(airflow: Airflow) -> None:
    airflow.upload(35)
    said = airflow.test_dag("chunk_transactions")
    assert airflow.keys("landing_zone") == [f"landing_zone/chunk_{first:012d}.csv" for first in (0, 10, 20, 30)], said
    [run] = airflow.runs(f"{airflow.name}-chunker")
    parameters = {parameter.name: parameter.value for parameter in run.job_parameters or []}
    assert 4 <= int(parameters["max-chunks"] or 0) <= 20

    said = airflow.test_dag("chunk_transactions")
    assert "nothing new: line 35 is landed" in said
    assert said.count("starting task_id=") == 1, "a run without anything to land starts no second process"
    assert len(airflow.runs(f"{airflow.name}-chunker")) == 1

    airflow.upload_again()
    said = airflow.test_dag("chunk_transactions")
    assert "nothing new: line 35 is landed" in said


def test_a_permanent_failure_is_not_retried_and_is_told_once_in_the_jobs_own_words(airflow: Airflow) -> None:
    airflow.upload(35)
    airflow.test_dag("chunk_transactions")
    airflow.upload(5)
    said = airflow.test_dag("chunk_transactions")
    runs = airflow.runs(f"{airflow.name}-chunker")
    assert len(runs) == 2, "one run that landed, one that failed"
    assert "alert: FAILED chunk_transactions.land_chunks: run " in said
    assert f"job {airflow.name}-chunker, run {runs[0].run_id}, failed permanently: s3://" in said
    assert ".csv shrank: " in said
    assert "alert:" not in airflow.test_dag("chunk_transactions")
    airflow.upload(36)
    assert "alert: RESOLVED chunk_transactions.land_chunks" in airflow.test_dag("chunk_transactions")


# Airflow retries it three times with backoff.
@pytest.mark.slow
def test_a_missing_master_file_is_named(airflow: Airflow) -> None:
    said = airflow.test_dag("chunk_transactions")
    assert f"{airflow.name}.csv does not exist; upload the master file, or fix its address" in said
    assert airflow.runs(f"{airflow.name}-chunker") == []
