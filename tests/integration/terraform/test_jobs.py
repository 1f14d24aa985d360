"""Terraform and the local Databricks read the same jobs from `jobs.json`."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import jobs

from local.jobs import Lake, all_jobs
from orchestration.settings import Settings
from tests.integration.terraform.terraform import TERRAFORM, Terraform

_LAKE = Lake(
    "s3://in/transactions.csv",
    "s3://lake/lake",
    "s3://in/CustomerImportance.csv",
    "delta",
    2000,
    "child_transactions=8,dei_female_customers=40",
    "spark",
)
_LOCAL = all_jobs(_LAKE)


def as_terraform_definition(job: jobs.JobSettings) -> dict[str, Any]:
    """Return a job in the form of the output `definitions` of terraform/modules/databricks/jobs.

    Assert that the job has no setting that Terraform would drop silently.
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
    assert (given, task) == ({}, {}), "add this setting to terraform/modules/databricks and to this function"
    return definition


@pytest.mark.terraform
@pytest.mark.parametrize(("importance", "chunker_mode"), [(_LAKE.importance, "run"), (None, "follow")])
def test_terraform_and_the_local_databricks_define_the_same_jobs(
    terraform_installed: None, tmp_path: Path, importance: str | None, chunker_mode: str
) -> None:
    assert terraform_installed is None
    module = tmp_path / "terraform" / "modules" / "databricks" / "jobs"
    shutil.copytree(TERRAFORM / "modules" / "databricks" / "jobs", module)
    shutil.copy(TERRAFORM.parent / "jobs.json", tmp_path)
    values = {
        "source_url": _LAKE.source,
        "lake_url": _LAKE.root,
        "importance_url": importance,
        "landing_format": _LAKE.landing_format,
        "chunk_size": _LAKE.chunk_size,
        "state_backend": _LAKE.state_backend,
        "chunker_mode": chunker_mode,
        "threshold_names": None,
        "thresholds": {"dei_female_customers": 40, "child_transactions": 8},
    }
    (module / "terraform.tfvars.json").write_text(json.dumps(values))
    terraform = Terraform(module, {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull})
    terraform("init")
    terraform("apply", "-auto-approve")
    local = all_jobs(replace(_LAKE, importance=importance, chunker_mode=chunker_mode))
    assert terraform.outputs()["definitions"] == {name: as_terraform_definition(job) for name, job in local.items()}


def test_a_parameter_that_depends_on_the_environment_is_always_filled_in() -> None:
    """Empty stay what a run is given, and `threshold`, which then overrides nothing."""
    local = all_jobs(replace(_LAKE, thresholds=""))
    empty = {parameter.name for job in local.values() for parameter in job.parameters or [] if parameter.default == ""}
    of_what_if = {"rules-text", "from-line", "last-hours", "report"}
    assert empty == {"threshold", *of_what_if, "author", "comment", "requested-by", "approved-at"}


def test_the_dags_use_these_job_names() -> None:
    settings = Settings().model_dump()
    assert {value for name, value in settings.items() if name.endswith("_job")} == set(_LOCAL)


def test_jobs_have_no_task_retries() -> None:
    """Airflow retries the chunker, a continuous job restarts the detector: task retries would multiply these."""
    text = (TERRAFORM / "modules" / "databricks" / "main.tf").read_text() + (TERRAFORM.parent / "jobs.json").read_text()
    assert "max_retries" not in text
    assert "retry" not in text
