"""`change_rules` run by Airflow, with a local S3 and a local Databricks; somebody answers its request for approval."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from spark_jobs.lake.heartbeat import read_heartbeat, write_heartbeat
from spark_jobs.lake.rules import find_rules, published_versions
from tests.harness.polling import polling
from tests.integration.dags.conftest import TIME_OUT, USER, Airflow
from tests.unit.pattern_page.lake import PageLake, detected

pytestmark = pytest.mark.processes

_RULES = """
# as approved
[[pattern]]
id = "PatId2"
action = "CHILD"
subject = "pair"
when = ["transactions >= 80", "mean_amount < 23"]

[[pattern]]
id = "PatId4"
action = "NEWCOMER"
subject = "pair"
when = ["transactions >= 1"]
"""


@pytest.fixture
def lake(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> PageLake:
    """A lake in which every one of 120 pairs is a child."""
    for name, value in airflow.s3.environment.items():
        monkeypatch.setenv(name, value)
    lake = PageLake(airflow.s3, airflow.name)
    detected(lake)
    return lake


def states(airflow: Airflow) -> dict[str, str]:
    """Return the state of each task in the last run."""
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        rows = database.execute(
            """SELECT task_id, state FROM task_instance WHERE run_id =
            (SELECT run_id FROM dag_run WHERE dag_id = 'change_rules' ORDER BY run_after DESC LIMIT 1)"""
        )
        return dict(rows.fetchall())


def request_body(airflow: Airflow) -> str:
    """Return what the person saw who was asked last."""
    with sqlite3.connect(airflow.home / "airflow.db") as database:
        query = "SELECT body FROM hitl_detail ORDER BY created_at DESC LIMIT 1"
        return str(database.execute(query).fetchone()[0])


def test_approved_rules_are_published_with_who_when_and_why_and_adopted(airflow: Airflow, lake: PageLake) -> None:
    def adopt() -> None:
        """Stand in for the detector."""
        beat = read_heartbeat(lake.objects)
        if beat and not beat.rules_version and published_versions(lake.objects):
            write_heartbeat(lake.objects, replace(beat, rules_version=1, rules_from_line=120))

    began = datetime.now(UTC)
    with polling(adopt):
        said = airflow.answered("Approve", "change_rules", {"rules": _RULES, "comment": "find `newcomers`"})

    assert set(states(airflow).values()) == {"success"}, said
    rules = find_rules(lake.objects, 1)
    assert rules
    assert (rules.body, rules.author, rules.comment) == (_RULES, USER, "find `newcomers`")
    assert rules.review
    assert rules.review.requested_by == "dag_test"
    assert rules.review.approved_at
    assert began < rules.review.approved_at < datetime.now(UTC)
    assert airflow.keys(f"what_if/{rules.review.report}/report.json")
    assert "version 1 is in force from line 120 on" in said
    assert "alert: APPROVAL change_rules: dag_test asks to change the rules (find `newcomers`); approve" in said
    body = request_body(airflow)
    assert "`dag_test` asks to publish the rules below as version 1: `` find `newcomers` ``" in body
    assert "| `PatId2` | active | active | 0 | 0 | 120 | 0 | 0 |" in body
    assert "| `PatId4` | absent → active | active | 0 | 120 | 0 | 0 | 0 |" in body
    assert body.count("\nnew: ") == body.count("\ngone: ") == 10
    assert "\n    transactions >= 80: 1, threshold 80, does not hold\n" in body


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["Reject", TIME_OUT])
def test_rejected_or_unanswered_rules_are_not_published_and_that_is_no_alert(
    airflow: Airflow, lake: PageLake, answer: str
) -> None:
    said = airflow.answered(answer, "change_rules", {"rules": _RULES, "comment": "try", "from_line": 0})
    skipped = dict.fromkeys(("publish", "wait_until_adopted"), "skipped")
    done = dict.fromkeys(("validate", "what_if", "describe", "approve"), "success")
    assert states(airflow) == {**done, **skipped}, said
    assert published_versions(lake.objects) == 0
    assert airflow.runs(f"{airflow.name}-publish_rules") == []
    assert "alert: FAILED" not in said


def test_malformed_rules_fail_at_once_and_reach_people_before_any_job_runs(airflow: Airflow) -> None:
    rules = _RULES.replace("mean_amount", "mean_amuont")
    said = airflow.run("dags", "test", "change_rules", "--conf", json.dumps({"rules": rules, "comment": "typo"}))
    assert "alert: FAILED change_rules.validate: run " in said
    assert 'the rules: pattern PatId2, condition 2 "mean_amuont < 23", column 1: ' in said
    assert states(airflow)["validate"] == "failed"
    assert airflow.runs(f"{airflow.name}-what_if") == []
