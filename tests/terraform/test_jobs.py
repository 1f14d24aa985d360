"""Terraform's jobs are those of the local Databricks: whatever one has the other has."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import jobs

from local.jobs import Lake, chunker_job, detector_job, maintain_state_job
from orchestration.settings import Settings
from tests.terraform.terraform import TERRAFORM, Terraform

_LAKE = Lake(
    "s3://in/transactions.csv",
    "s3://lake/lake",
    "s3://in/CustomerImportance.csv",
    "delta",
    2000,
    "child_transactions=8,dei_female_customers=40",
    "cluster",
)
_LOCAL = {str(job.name): job for job in (chunker_job(_LAKE), detector_job(_LAKE), maintain_state_job(_LAKE))}


def as_terraform_has_it(job: jobs.JobSettings) -> dict[str, Any]:
    """Return a local job in the form of the definitions in terraform/modules/databricks/jobs.

    What that form has no place for is refused, so that nothing of a job can be left out of the comparison.
    """
    given = job.as_dict()
    [task] = given.pop("tasks")
    wheel = task.pop("python_wheel_task")
    rules = given.pop("health", {"rules": []})["rules"]
    continuous = given.pop("continuous", None)
    definition = {
        "package": wheel.pop("package_name"),
        "entry_point": wheel.pop("entry_point"),
        "named_parameters": wheel.pop("named_parameters"),
        "parameters": {entry["name"]: entry["default"] for entry in given.pop("parameters")},
        "max_concurrent_runs": given.pop("max_concurrent_runs"),
        "timeout_seconds": given.pop("timeout_seconds", None),
        "warning_seconds": rules[0]["value"] if rules else None,
        "continuous": continuous is not None,
    }
    assert continuous in (None, {"pause_status": "UNPAUSED"})
    assert all(rule["metric"] == "RUN_DURATION_SECONDS" and rule["op"] == "GREATER_THAN" for rule in rules)
    assert (given.pop("name"), wheel) == (task.pop("task_key"), {})
    assert (given, task) == ({}, {}), "Terraform's definitions have no place for this: add it there and here"
    return definition


@pytest.fixture(scope="module")
def definitions(terraform_there: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    assert terraform_there is None
    directory = tmp_path_factory.mktemp("jobs")
    shutil.copytree(TERRAFORM / "modules" / "databricks" / "jobs", directory, dirs_exist_ok=True)
    values = {
        "source_url": _LAKE.source,
        "lake_url": _LAKE.root,
        "importance_url": _LAKE.importance,
        "landing_format": _LAKE.landing_format,
        "chunk_size": _LAKE.chunk_size,
        "placement": _LAKE.placement,
        "thresholds": {"dei_female_customers": 40, "child_transactions": 8},
    }
    (directory / "terraform.tfvars.json").write_text(json.dumps(values))
    terraform = Terraform(directory, {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull})
    terraform("init")
    terraform("apply", "-auto-approve")
    return dict(terraform.outputs()["definitions"])


@pytest.mark.terraform
def test_there_are_the_same_jobs(definitions: dict[str, Any]) -> None:
    assert set(definitions) == set(_LOCAL)


@pytest.mark.terraform
@pytest.mark.parametrize("name", list(_LOCAL))
def test_a_job_is_the_same(definitions: dict[str, Any], name: str) -> None:
    assert definitions[name] == as_terraform_has_it(_LOCAL[name])


def test_the_dags_look_for_these_names() -> None:
    assert {Settings().chunker_job, Settings().detector_job, Settings().maintenance_job} == set(_LOCAL)


def test_neither_has_retries_of_its_own() -> None:
    """Airflow tries the chunker again, Databricks the detector: both at once would multiply."""
    text = Path(TERRAFORM / "modules" / "databricks" / "main.tf").read_text()
    assert "max_retries" not in text
    assert "retry" not in text
