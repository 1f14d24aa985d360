"""What is asked for, and who is told that it waits."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration import approval
from orchestration.approval import ApprovalRequested, plan_what_if, report_id
from spark_jobs.errors import RulesError
from spark_jobs.lake.what_if_request import parse_report_id
from tests.unit.patterns.test_rules import pattern


def plan(rules: str, from_line: int | None = None) -> dict[str, str]:
    return plan_what_if({"rules": rules, "from_line": from_line, "last_hours": 24}, "manual__1")


def test_a_line_goes_before_the_hours() -> None:
    ranges = [{name: plan(pattern(), line)[name] for name in ("from-line", "last-hours")} for line in (None, 0)]
    assert ranges == [{"from-line": "", "last-hours": "24"}, {"from-line": "0", "last-hours": ""}]


def test_rules_that_do_not_fit_into_a_parameter_are_refused() -> None:
    # As JSON, in which Databricks counts them, the sign takes 6 bytes.
    assert plan(pattern() + "# " + "₹" * 1400)
    with pytest.raises(RulesError, match=r"take 9,\d+ bytes, .* has room for 9,000; shorten their comments"):
        plan(pattern() + "# " + "₹" * 1500)


def test_malformed_rules_are_refused() -> None:
    with pytest.raises(RulesError, match='the rules: pattern A, condition 1 "1 < 2", column 1'):
        plan(pattern(when='["1 < 2"]'))


@pytest.mark.parametrize("run_id", ["manual__2026-01-01T00:00:00+00:00", "../../x", "ü" * 250, "x" * 250])
def test_every_run_has_a_report_of_its_own_with_a_safe_id(run_id: str) -> None:
    assert parse_report_id(report_id(run_id)) == report_id(run_id)
    assert report_id(run_id) != report_id(run_id + "y")
    assert re.match("change_rules-", report_id(run_id))


def context(comment: str) -> Any:
    ti = SimpleNamespace(dag_id="change_rules", task_id="approve", run_id="r1", map_index=-1)
    run = SimpleNamespace(triggering_user_name="ann")
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    task = ApprovalOperator(task_id="approve", subject="?")
    return {"ti": ti, "task_instance": ti, "task": task, "dag_run": run, "params": {"comment": comment}}


def test_people_are_told_who_asks_for_what_and_where_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(approval, "send_alert", sent.append)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example")
    ApprovalRequested().notify(context("safer\nnow"))
    monkeypatch.delenv("AIRFLOW__API__BASE_URL")
    ApprovalRequested().notify(context("safer"))
    asked = "APPROVAL change_rules: ann asks to change the rules"
    place = "https://airflow.example/dags/change_rules/runs/r1/tasks/approve/required_actions?map_index=-1"
    assert sent == [
        f"{asked} (safer\\nnow); approve or reject within 24 hours: {place}; docs/runbook.md#rules-approval",
        f"{asked} (safer); approve or reject within 24 hours: run r1, Required Actions; docs/runbook.md#rules-approval",
    ]


def test_the_request_waits_even_if_nobody_can_be_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: str) -> None:
        msg = "no network"
        raise OSError(msg)

    monkeypatch.setattr(approval, "send_alert", fail)
    ApprovalRequested().notify(context("safer"))
    assert "people were not told" in caplog.text
