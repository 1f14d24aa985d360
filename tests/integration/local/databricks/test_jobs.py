"""Jobs through `databricks-sdk`."""

from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec

from local.jobs import Lake, all_jobs, create_jobs
from spark_jobs.lake.rules import find_rules
from spark_jobs.lake.what_if_report import find_report
from tests.integration.local.databricks.conftest import attempt_of, ended, started, state_of, task_of
from tests.unit.what_if.conftest import landed_lake

_TASK = task_of("/x.py")
_DAY = jobs.JobParameterDefinition(name="day", default="")
_CLUSTER = jobs.JobCluster("own", ClusterSpec(spark_version="x", num_workers=0))
_TWO_CLUSTERS = task_of("/x.py", job_cluster_key="own", existing_cluster_id="1")
_TWO_WAYS = jobs.Task("a", python_wheel_task=jobs.PythonWheelTask("p", "e", {"a": "b"}, ["--a=b"]))


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


def test_an_update_keeps_the_tasks_and_clusters_that_it_does_not_name(client: WorkspaceClient) -> None:
    first, second = task_of("/x.py", "first"), task_of("/x.py", "second")
    job_id = create(client, jobs.JobSettings(name="merged", tasks=[first, second], job_clusters=[_CLUSTER]))
    changed, other = task_of("/y.py", "second"), jobs.JobCluster("other", ClusterSpec(spark_version="y"))
    client.jobs.update(job_id, new_settings=jobs.JobSettings(tasks=[changed], job_clusters=[other]))
    found = settings_of(client, job_id)
    assert found["tasks"] == [first.as_dict(), changed.as_dict()]
    assert found["job_clusters"] == [_CLUSTER.as_dict(), other.as_dict()]


def test_a_job_runs_as_the_identity_that_it_names(client: WorkspaceClient) -> None:
    job_id = create(client, jobs.JobSettings(tasks=[_TASK], run_as=jobs.JobRunAs(service_principal_name="app")))
    assert client.jobs.get(job_id).run_as_user_name == "app"
    client.jobs.update(job_id, fields_to_remove=["run_as"])
    assert client.jobs.get(job_id).run_as_user_name == "local"


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
        ({"max_concurrent_runs": 1001}, "max_concurrent_runs must be from 0 to 1000"),
        ({"name": "é" * 2049}, "has at most 4096 bytes"),
        ({"tags": {str(number): "" for number in range(26)}}, "at most 25 tags, not 26"),
        ({"parameters": [_DAY, _DAY]}, "Two parameters are named 'day'"),
        ({"job_clusters": [_CLUSTER, _CLUSTER]}, "Two job clusters are named 'own'"),
        ({"tasks": [task_of("/x.py", job_cluster_key="other")]}, "no job cluster is named 'other'"),
        ({"tasks": [_TWO_CLUSTERS]}, "Task 'main' has job_cluster_key and existing_cluster_id"),
        ({"tasks": [_TWO_WAYS]}, "python_wheel_task has both parameters and named_parameters"),
        ({"continuous": jobs.Continuous(), "tasks": [task_of("/x.py", max_retries=1)]}, "no retry policy"),
        ({"access_control_list": [jobs.JobAccessControlRequest(group_name="all")]}, "has no permissions"),
        ({"schedule": jobs.CronSchedule("0 0 0 * * ?", "UTC")}, "has no schedule: omit it"),
        ({"continuous": jobs.Continuous(), "max_concurrent_runs": 2}, "continuous job must have max_concurrent_runs 1"),
    ],
)
def test_unsupported_settings_are_refused_with_the_reason(
    client: WorkspaceClient, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        client.jobs.create(**{"name": "refused", "tasks": [_TASK], **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tags": {}, "timeout": 5}, "timeout is unknown"),
        ({"tasks": [{"task_key": "a", "spark_pythn_task": {}}]}, r"tasks\[0\].spark_pythn_task is unknown"),
        ({"tasks": [{"task_key": "a", "python_wheel_task": {"entry_point": "a"}}]}, "package_name is missing"),
        ({"tasks": [{"spark_python_task": {"python_file": "/x.py"}}]}, r"tasks\[0\].task_key is missing"),
        ({"parameters": [{"name": "day"}]}, r"parameters\[0\].default is missing"),
        ({"timeout_seconds": "soon"}, "timeout_seconds must be an integer, it is 'soon'"),
        ({"timeout_seconds": True}, "timeout_seconds must be an integer, it is True"),
        ({"continuous": {"pause_status": "ON"}}, "pause_status must be one of PAUSED, UNPAUSED, it is 'ON'"),
        ({"tags": ["a"]}, r"tags must be an object, it is \['a'\]"),
        ({"tags": {"a": 1}}, "tags.a must be a string, it is 1"),
        ({"queue": {"enabled": "yes"}}, "queue.enabled must be true or false, it is 'yes'"),
    ],
)
@pytest.mark.parametrize("path", ["create", "reset"])
def test_settings_that_the_sdk_does_not_know_are_refused(
    client: WorkspaceClient, path: str, settings: dict[str, object], message: str
) -> None:
    """The SDK's own classes would drop them without a word."""
    given = {"tasks": [_TASK.as_dict()], **settings}
    job_id = client.jobs.create(tasks=[_TASK]).job_id
    body = given if path == "create" else {"job_id": job_id, "new_settings": given}
    with pytest.raises(BadRequest, match=message):
        client.api_client.do("POST", f"/api/2.2/jobs/{path}", body=body)


def test_a_one_time_run_has_the_settings_of_one_time_runs_only(client: WorkspaceClient) -> None:
    body = {"run_name": "once", "tasks": [_TASK.as_dict()], "max_concurrent_runs": 1}
    with pytest.raises(BadRequest, match="Could not parse the job settings: max_concurrent_runs is unknown"):
        client.api_client.do("POST", "/api/2.2/jobs/runs/submit", body=body)


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
