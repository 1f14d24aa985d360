"""`chunk_transactions` run by Airflow, with a local S3 and a local Databricks."""

import pytest

from tests.dags.conftest import Airflow

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
    assert len(airflow.runs(f"{airflow.name}-chunker")) == 1

    airflow.upload_again()
    said = airflow.test_dag("chunk_transactions")
    assert "nothing new: line 35 is landed" in said


# Airflow retries it three times with backoff.
@pytest.mark.slow
def test_a_missing_master_file_is_named(airflow: Airflow) -> None:
    said = airflow.test_dag("chunk_transactions")
    assert f"{airflow.name}.csv does not exist; upload the master file, or fix its address" in said
    assert airflow.runs(f"{airflow.name}-chunker") == []
