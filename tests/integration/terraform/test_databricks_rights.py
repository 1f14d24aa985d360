"""Identities in Databricks: what each may do, and as whom the jobs run."""

from typing import Any

import pytest

from tests.integration.terraform.test_databricks_schema import resources

_BODIES = {(kind, name): body for kind, name, body in resources()}
_PERMISSIONS = {name: body for (kind, name), body in _BODIES.items() if kind == "databricks_permissions"}


def grants(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the identities and levels of a resource `databricks_permissions`."""
    return {
        (
            entry["service_principal_name"].split("databricks_service_principal.")[1].split(".")[0],
            entry["permission_level"].strip('"'),
        )
        for entry in body["access_control"]
    }


def test_every_job_runs_as_the_jobs_identity_from_its_first_run_on() -> None:
    """Without `run_as`, a job runs as its owner: at first, the administrator that created it."""
    [run_as] = _BODIES["databricks_job", "this"]["run_as"]
    assert run_as["service_principal_name"] == "${databricks_service_principal.jobs.application_id}"


def test_airflow_can_start_and_cancel_runs_and_nothing_else() -> None:
    found = {(name, level) for name, body in _PERMISSIONS.items() for who, level in grants(body) if who == "airflow"}
    assert found == {("job", "CAN_MANAGE_RUN")}


@pytest.mark.parametrize("name", _PERMISSIONS)
def test_nobody_but_terraform_can_edit_jobs_clusters_or_code(name: str) -> None:
    levels = {level for _, level in grants(_PERMISSIONS[name])}
    assert levels <= {"CAN_MANAGE_RUN", "CAN_READ", "CAN_USE", "CAN_RESTART", "CAN_ATTACH_TO"}


def test_the_cluster_that_still_lands_chunks_outlives_the_change_of_its_job() -> None:
    """With `create_before_destroy`, Terraform destroys what the job no longer needs only after changing the job."""
    for body in (_PERMISSIONS["chunker_cluster"], _BODIES["databricks_cluster", "chunker"]):
        [lifecycle] = body["lifecycle"]
        assert lifecycle["create_before_destroy"] is True
    assert "${databricks_permissions.chunker_cluster}" in _BODIES["databricks_job", "this"]["depends_on"]
