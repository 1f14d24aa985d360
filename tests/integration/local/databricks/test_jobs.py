"""Jobs through `databricks-sdk`."""

from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs

from local.jobs import Lake, all_jobs, create_jobs
from spark_jobs.lake.rules import find_rules
from spark_jobs.lake.what_if_report import find_report
from tests.integration.local.databricks.conftest import attempt_of, ended, started, state_of, task_of
from tests.unit.what_if.conftest import landed_lake

_TASK = task_of("/x.py")


def create(client: WorkspaceClient, settings: jobs.JobSettings) -> int:
    return client.jobs.create(**settings.as_shallow_dict()).job_id or 0


def settings_of(client: WorkspaceClient, job_id: int) -> dict[str, object]:
    return client.jobs.get(job_id).as_dict()["settings"]  # type: ignore[no-any-return]


def test_a_job_is_returned_as_it_was_created(client: WorkspaceClient) -> None:
    settings = jobs.JobSettings(
        name="as created",
        tasks=[task_of("/x.py", max_retries=2, min_retry_interval_millis=100, timeout_seconds=60)],
        parameters=[jobs.JobParameterDefinition(name="day", default="today")],
        max_concurrent_runs=3,
        queue=jobs.QueueSettings(enabled=True),
        tags={"team": "payments"},
        email_notifications=jobs.JobEmailNotifications(on_failure=["ops@example.org"]),
    )
    job_id = create(client, settings)
    assert settings_of(client, job_id) == settings.as_dict()
    assert client.jobs.get(job_id).creator_user_name == "local"


def test_jobs_are_listed_by_name_ignoring_case_and_in_pages(client: WorkspaceClient) -> None:
    ids = {client.jobs.create(name="Paged", tasks=[_TASK]).job_id for _ in range(5)}
    client.jobs.create(name="Paged too", tasks=[_TASK])
    assert {job.job_id for job in client.jobs.list(name="paged", limit=2)} == ids


def test_a_list_of_jobs_has_tasks_only_on_request(client: WorkspaceClient) -> None:
    client.jobs.create(name="expanded", tasks=[_TASK])
    [plain] = client.jobs.list(name="expanded")
    [expanded] = client.jobs.list(name="expanded", expand_tasks=True)
    assert "tasks" not in plain.as_dict()["settings"]
    assert expanded.as_dict()["settings"]["tasks"] == [_TASK.as_dict()]


def test_an_update_changes_and_removes_the_named_fields_only(client: WorkspaceClient) -> None:
    job_id = create(client, jobs.JobSettings(name="before", tasks=[_TASK], timeout_seconds=9, tags={"a": "b"}))
    client.jobs.update(job_id, new_settings=jobs.JobSettings(name="after"), fields_to_remove=["timeout_seconds"])
    expected = jobs.JobSettings(name="after", tasks=[_TASK], tags={"a": "b"}, max_concurrent_runs=1)
    assert settings_of(client, job_id) == expected.as_dict()


def test_a_reset_replaces_all_settings(client: WorkspaceClient) -> None:
    job_id = create(client, jobs.JobSettings(name="before", tasks=[_TASK], timeout_seconds=9))
    after = jobs.JobSettings(name="after", tasks=[task_of("/y.py")], max_concurrent_runs=1)
    client.jobs.reset(job_id, after)
    assert settings_of(client, job_id) == after.as_dict()


def test_a_deleted_job_is_gone(client: WorkspaceClient) -> None:
    job_id = create(client, jobs.JobSettings(name="deleted", tasks=[_TASK]))
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
        ({"tasks": [task_of("/x.py", depends_on=[jobs.TaskDependency("b")])]}, "depends on b: no task before it"),
        ({"max_concurrent_runs": 2001}, "max_concurrent_runs must be from 0 to 2000"),
        ({"schedule": jobs.CronSchedule("0 0 0 * * ?", "UTC")}, "has no schedule: omit it"),
        ({"continuous": jobs.Continuous(), "max_concurrent_runs": 2}, "continuous job must have max_concurrent_runs 1"),
    ],
)
def test_unsupported_settings_are_refused_with_the_reason(
    client: WorkspaceClient, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        client.jobs.create(name="refused", **{"tasks": [_TASK], **settings})  # type: ignore[arg-type]


def test_rules_are_tried_and_published_by_jobs(client: WorkspaceClient, tmp_path: Path) -> None:
    lake = landed_lake(tmp_path)
    jobs_of = all_jobs(Lake("file:///t.csv", lake.url))
    ids = {name: create(client, jobs_of[name]) for name in ("what_if", "publish_rules")}
    rules = '[[pattern]]\nid = "P"\naction = "A"\nsubject = "pair"\nwhen = ["transactions >= 9"]\n'
    tried = {"rules-text": rules, "from-line": "60", "report": "r1"}
    for name, given in (
        ("what_if", tried),
        ("publish_rules", {"report": "r1", "author": "ann", "comment": "as tried"}),
    ):
        run = ended(client, started(client, ids[name], job_parameters=given))
        assert state_of(run)[1] == "SUCCESS", client.jobs.get_run_output(attempt_of(run)).error
    report = find_report(lake, "r1")
    assert report
    assert [(one.pattern, one.new) for one in report.patterns if one.new] == [("P", 10)]
    published = find_rules(lake, 1)
    assert published
    assert (published.body, published.author) == (rules, "ann")
    for job_id in ids.values():
        client.jobs.delete(job_id)


def test_create_jobs_resets_jobs_that_exist(client: WorkspaceClient) -> None:
    first = create_jobs(client, Lake("file:///t.csv", "file:///lake"))
    second = create_jobs(client, Lake("file:///other.csv", "file:///other"))
    assert second == first
    assert {"name": "source", "default": "file:///other.csv"} in settings_of(client, first["chunker"])["parameters"]  # type: ignore[operator]
    for job_id in first.values():
        client.jobs.delete(job_id)
