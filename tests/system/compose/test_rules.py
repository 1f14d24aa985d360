"""A person changes the rules of the stack in containers, after the tests that compare its lake with another one."""

import json

import pytest

from spark_jobs.lake.layout import HEARTBEAT
from tests.harness.rules_change import RULES, RulesChange
from tests.system.compose.stack import Stack, wait_for

pytestmark = pytest.mark.compose


def test_rules_that_a_person_approves_are_adopted_without_a_restart(stack: Stack) -> None:
    stack.await_commit()
    before = heartbeat(stack)
    change = RulesChange.ask(stack.airflow, rules=RULES, comment="find regulars", from_line=0)
    wait_for(change.is_requested)
    request = change.request()
    assert request["subject"] == "Publish version 1 of the rules?"
    assert "- transactions >= 8\n+ transactions >= 12\n" in request["body"]
    assert "| `PatId4` | absent → active | active | 0 | " in request["body"]
    assert stack.pipeline.keys("rules/") == []

    change.approve()
    wait_for(lambda: stack.pipeline.keys("rules/"))
    stack.source.append(3000)
    wait_for(lambda: change.state() in ("success", "failed"))
    assert change.state() == "success"
    stack.await_commit()
    after = heartbeat(stack)
    assert (before["rules_version"], after["rules_version"]) == (0, 1)
    assert after["started_at"] == before["started_at"]
    found = [row for row in stack.pipeline.found() if row["patternId"] == "PatId4"]
    assert {row["rules_version"] for row in found} == {1}


def heartbeat(stack: Stack) -> dict[str, object]:
    found: dict[str, object] = json.loads(stack.pipeline.read(f"{stack.pipeline.name}/{HEARTBEAT}"))
    return found
