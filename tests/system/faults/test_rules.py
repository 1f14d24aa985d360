"""A person changes the rules of a running system in Airflow's UI, and nothing is restarted."""

import pytest
from playwright.sync_api import Browser, expect

from local.jobs import DETECTOR
from tests.harness.rules_change import RULES
from tests.system.browser.changing_rules import fill_in_form, logged_in, open_rules, trigger
from tests.system.faults.running import Running

pytestmark = [pytest.mark.faults, pytest.mark.browser, pytest.mark.slow]


# After the tests that compare the lake with one that has always had the same rules.
def test_rules_that_a_person_approves_in_the_ui_are_adopted_and_find_what_they_should(
    running: Running, browser: Browser
) -> None:
    running.append(3000)
    running.wait_until_all_is_committed()
    [before] = running.live_runs(DETECTOR)
    airflow = running.stack.airflow
    with logged_in(browser, airflow) as tab:
        trigger(tab, fill_in_form(tab, airflow, RULES, "find regulars"))
        expect(tab.get_by_text("Publish version 1 of the rules?")).to_be_visible()
        expect(tab.get_by_role("row").filter(has_text="PatId4")).to_contain_text("absent → active")
        expect(tab.locator("code").filter(has_text="- transactions >= 8\n+ transactions >= 12")).to_be_visible()
        assert running.times_notified("APPROVAL change_rules: admin asks to change the rules (find regulars)") == 1
        assert running.pipeline.keys("rules/") == []

        tab.get_by_role("button", name="Approve", exact=True).click()
        running.wait(lambda: running.pipeline.keys("rules/"))
        running.append(3000)
        running.wait_until_all_is_committed()
        shown = open_rules(tab, airflow)
        expect(shown.locator("#rules .summary")).to_contain_text("Version 1 is in force from line", timeout=60_000)
        expect(shown.locator("#rules tbody tr").filter(has_text="PatId4")).to_contain_text("transactions >= 3")

    [run] = running.airflow("GET", "/dags/change_rules/dagRuns")["dag_runs"]
    path = f"/dags/change_rules/dagRuns/{run['dag_run_id']}"
    running.wait(lambda: running.airflow("GET", path)["state"] in ("success", "failed"))
    assert running.airflow("GET", path)["state"] == "success"
    found = [row for row in running.pipeline.found() if row["patternId"] == "PatId4"]
    assert found
    assert {row["rules_version"] for row in found} == {1}
    [key] = running.pipeline.keys("rules/")
    header = running.pipeline.read(key).decode().partition("\n\n")[0]
    assert 'author = "admin"' in header
    assert 'requested_by = "admin"' in header
    [after] = running.live_runs(DETECTOR)
    assert after.run_id == before.run_id
