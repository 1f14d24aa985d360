"""A person changes the rules of a running system in Airflow, and nothing is restarted."""

import pytest

from local.jobs import DETECTOR
from tests.system.faults.running import Running

pytestmark = [pytest.mark.faults, pytest.mark.slow]

# A higher threshold of PatId2 than the detector began with, and a fourth pattern.
_RULES = """
[[pattern]]
id = "PatId2"
action = "CHILD"
subject = "pair"
when = ["transactions >= 12", "mean_amount < 23"]

[[pattern]]
id = "PatId4"
action = "REGULAR"
subject = "pair"
when = ["transactions >= 3"]
"""


# After the tests that compare the lake with one that has always had the same rules.
def test_rules_that_a_person_approves_are_adopted_and_find_what_they_should(running: Running) -> None:
    running.append(3000)
    running.wait_until_all_is_committed()
    [before] = running.live_runs(DETECTOR)
    conf = {"rules": _RULES, "comment": "find regulars", "from_line": 0}
    asked = running.airflow("POST", "/dags/change_rules/dagRuns", logical_date=None, conf=conf)
    run = f"/dags/change_rules/dagRuns/{asked['dag_run_id']}"
    approval = f"{run}/taskInstances/approve"
    running.wait(lambda: running.airflow("GET", approval)["state"] == "awaiting_input")

    request = running.airflow("GET", f"{approval}/-1/hitlDetails")
    assert request["subject"] == "Publish version 1 of the rules?"
    assert "| `PatId4` | absent → active | active | 0 | " in request["body"]
    assert running.times_notified("APPROVAL change_rules: admin asks to change the rules (find regulars)") == 1
    assert running.pipeline.keys("rules/") == []
    running.airflow("PATCH", f"{approval}/-1/hitlDetails", chosen_options=["Approve"])
    running.wait(lambda: running.pipeline.keys("rules/"))
    running.append(3000)
    running.wait(lambda: running.airflow("GET", run)["state"] in ("success", "failed"))
    assert running.airflow("GET", run)["state"] == "success"

    running.wait_until_all_is_committed()
    found = [row for row in running.pipeline.found() if row["patternId"] == "PatId4"]
    assert found
    assert {row["rules_version"] for row in found} == {1}
    [key] = running.pipeline.keys("rules/")
    header = running.pipeline.read(key).decode().partition("\n\n")[0]
    assert 'author = "admin"' in header
    assert 'requested_by = "admin"' in header
    [after] = running.live_runs(DETECTOR)
    assert after.run_id == before.run_id
