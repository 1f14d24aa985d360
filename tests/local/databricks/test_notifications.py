"""Notifications and health rules: delivered to a webhook, or to a log where there is none."""

from collections.abc import Callable
from pathlib import Path

from databricks.sdk.service import jobs

from local.databricks.server import local_databricks
from tests.harness.pipeline import wait_until
from tests.harness.webhook import webhook
from tests.local.databricks.conftest import cancelled, client_of, job_of, started, task_of

Script = Callable[[str], str]


def test_who_is_named_is_told_by_the_webhook(tmp_path: Path, script: Script) -> None:
    with (
        webhook() as (port, got),
        local_databricks(tmp_path / "databricks", {}, arguments=["--webhook", f"http://127.0.0.1:{port}/"]) as server,
    ):
        client = client_of(server)
        job_id = job_of(
            client,
            task_of(script("raise SystemExit(1)")),
            name="failing",
            email_notifications=jobs.JobEmailNotifications(
                on_failure=["ops@example.org"], on_success=["no@example.org"]
            ),
            webhook_notifications=jobs.WebhookNotifications(on_start=[jobs.Webhook("channel")]),
        )
        run_id = started(client, job_id)
        wait_until(lambda: len(got) == 2)
    event = {"workspace_id": 0, "run": {"run_id": run_id}, "job": {"job_id": job_id, "name": "failing"}}
    assert got == [
        {"recipient": "channel", "event_type": "jobs.on_start", **event},
        {"recipient": "ops@example.org", "event_type": "jobs.on_failure", **event},
    ]


def test_a_run_that_takes_longer_than_its_health_rule_says_is_told_once_and_goes_on(
    tmp_path: Path, script: Script
) -> None:
    directory = tmp_path / "databricks"
    with local_databricks(directory, {}) as server:
        client = client_of(server)
        duration = jobs.JobsHealthMetric.RUN_DURATION_SECONDS
        rule = jobs.JobsHealthRule(duration, jobs.JobsHealthOperator.GREATER_THAN, 1)
        warned = ["ops@example.org"]
        job_id = job_of(
            client,
            task_of(script("import signal\nsignal.pause()")),
            health=jobs.JobsHealthRules([rule]),
            email_notifications=jobs.JobEmailNotifications(on_duration_warning_threshold_exceeded=warned),
        )
        run_id = started(client, job_id)
        log = directory / "databricks.log"
        wait_until(lambda: "on_duration_warning_threshold_exceeded" in log.read_text())
        cancelled(client, run_id)
        assert log.read_text().count("notification to ops@example.org") == 1
