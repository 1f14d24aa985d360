"""Jobs through `databricks-sdk`."""

from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs

from local.jobs import Lake, create_jobs
from tests.local.databricks.conftest import task_of


def as_dicts(tasks: list[jobs.Task] | None) -> list[dict[str, Any]]:
    return [task.as_dict() for task in tasks or []]


def test_a_job_is_returned_as_it_was_created(client: WorkspaceClient) -> None:
    created = client.jobs.create(
        name="as created",
        tasks=[task_of("/x.py", max_retries=2, min_retry_interval_millis=100, timeout_seconds=60)],
        parameters=[jobs.JobParameterDefinition(name="day", default="today")],
        max_concurrent_runs=3,
        queue=jobs.QueueSettings(enabled=True),
        tags={"team": "payments"},
    )
    job = client.jobs.get(created.job_id or 0)
    assert job.settings
    assert job.settings.name == "as created"
    assert as_dicts(job.settings.tasks) == as_dicts(
        [task_of("/x.py", max_retries=2, min_retry_interval_millis=100, timeout_seconds=60)]
    )
    assert job.settings.parameters == [jobs.JobParameterDefinition(name="day", default="today")]
    assert job.settings.max_concurrent_runs == 3
    assert job.settings.queue == jobs.QueueSettings(enabled=True)
    assert job.settings.tags == {"team": "payments"}
    assert job.creator_user_name == "local"


def test_jobs_are_listed_by_name_ignoring_case_and_in_pages(client: WorkspaceClient) -> None:
    ids = {client.jobs.create(name="Paged", tasks=[task_of("/x.py")]).job_id for _ in range(5)}
    client.jobs.create(name="Paged too", tasks=[task_of("/x.py")])
    assert {job.job_id for job in client.jobs.list(name="paged", limit=2)} == ids


def test_a_list_of_jobs_has_tasks_only_on_request(client: WorkspaceClient) -> None:
    client.jobs.create(name="expanded", tasks=[task_of("/x.py")])
    [plain] = client.jobs.list(name="expanded")
    [expanded] = client.jobs.list(name="expanded", expand_tasks=True)
    assert plain.settings
    assert not plain.settings.tasks
    assert expanded.settings
    assert as_dicts(expanded.settings.tasks) == as_dicts([task_of("/x.py")])


def test_an_update_changes_and_removes_the_named_fields_only(client: WorkspaceClient) -> None:
    job_id = client.jobs.create(name="before", tasks=[task_of("/x.py")], timeout_seconds=9, tags={"a": "b"}).job_id or 0
    client.jobs.update(job_id, new_settings=jobs.JobSettings(name="after"), fields_to_remove=["timeout_seconds"])
    settings = client.jobs.get(job_id).settings
    assert settings
    assert (settings.name, settings.timeout_seconds, settings.tags) == ("after", None, {"a": "b"})


def test_a_reset_replaces_all_settings(client: WorkspaceClient) -> None:
    job_id = client.jobs.create(name="before", tasks=[task_of("/x.py")], timeout_seconds=9).job_id or 0
    client.jobs.reset(job_id, jobs.JobSettings(name="after", tasks=[task_of("/y.py")]))
    settings = client.jobs.get(job_id).settings
    assert settings
    assert (settings.name, settings.timeout_seconds) == ("after", None)
    assert as_dicts(settings.tasks) == as_dicts([task_of("/y.py")])


def test_a_deleted_job_is_gone(client: WorkspaceClient) -> None:
    job_id = client.jobs.create(name="deleted", tasks=[task_of("/x.py")]).job_id or 0
    client.jobs.delete(job_id)
    with pytest.raises(ResourceDoesNotExist, match=f"Job {job_id} does not exist"):
        client.jobs.get(job_id)
    with pytest.raises(InvalidParameterValue, match="does not exist"):
        client.jobs.run_now(job_id)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": []}, "at least one task"),
        ({"tasks": [jobs.Task("a")]}, "exactly one of python_wheel_task and spark_python_task, it has nothing"),
        ({"tasks": [jobs.Task("a", notebook_task=jobs.NotebookTask("/n"))]}, "it has notebook_task"),
        ({"tasks": [task_of("/x.py", "a"), task_of("/x.py", "a")]}, "Two tasks have the key 'a'"),
        (
            {"tasks": [task_of("/x.py", "a", depends_on=[jobs.TaskDependency("b")])]},
            "'a' depends on b: no task before it",
        ),
        ({"tasks": [task_of("/x.py")], "max_concurrent_runs": 2001}, "max_concurrent_runs must be from 0 to 2000"),
        (
            {"tasks": [task_of("/x.py")], "schedule": jobs.CronSchedule("0 0 0 * * ?", "UTC")},
            "has no schedule: omit it",
        ),
        (
            {"tasks": [task_of("/x.py")], "continuous": jobs.Continuous(), "max_concurrent_runs": 2},
            "continuous job must have max_concurrent_runs 1",
        ),
    ],
)
def test_unsupported_settings_are_refused_with_the_reason(
    client: WorkspaceClient, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        client.jobs.create(name="refused", **settings)  # type: ignore[arg-type]


def test_create_jobs_resets_jobs_that_exist(client: WorkspaceClient) -> None:
    first = create_jobs(client, Lake("file:///t.csv", "file:///lake"))
    second = create_jobs(client, Lake("file:///other.csv", "file:///other"))
    assert second == first
    chunker = client.jobs.get(first["chunker"]).settings
    assert chunker
    assert {one.name: one.default for one in chunker.parameters or []}["source"] == "file:///other.csv"
    for job_id in first.values():
        client.jobs.delete(job_id)
