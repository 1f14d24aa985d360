"""The Airflow settings that the DAGs need are said to be missing, and are the same wherever they are set."""

import re
from pathlib import Path

import pytest
import yaml
from airflow.sdk import conf

from local.airflow_settings import AirflowPlace, AirflowSecrets, airflow_settings
from orchestration.airflow_needs import read_needs, settings_alerts
from tests.harness.pipeline import ROOT

NEEDS = {f"{need.section}.{need.name}": need for need in read_needs()}


def test_each_setting_that_is_too_high_is_named_with_its_value_and_its_cost() -> None:
    values = {"scheduler_idle_sleep_time": 1.0, "orphaned_tasks_check_interval": 300.0}
    [alert] = settings_alerts(lambda _, name: values.get(name, 0))
    assert alert.text == (
        "WARNING airflow-settings: Airflow is set for slower DAGs; set for all of its components "
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME=0.2 (it is 1: runs start up to a second late), "
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL=15 (it is 300: a task whose scheduler was killed blocks the "
        "next runs for 5 minutes); docs/runbook.md#airflow-settings"
    )


def test_settings_that_are_low_enough_or_that_airflow_lacks_raise_no_alert() -> None:
    assert settings_alerts(lambda section, name: NEEDS[f"{section}.{name}"].at_most) == []
    assert settings_alerts(lambda *_: None) == []


@pytest.mark.parametrize("option", sorted(NEEDS))
def test_airflow_has_the_setting_and_its_default_is_too_high(option: str) -> None:
    default = conf.get_default_value(*option.split("."))
    assert float(default) > NEEDS[option].at_most


def test_the_local_airflow_has_them() -> None:
    place = AirflowPlace(Path("/home"), "sqlite://", Path("/passwords"), "http://localhost", "http://localhost")
    settings = airflow_settings(place, AirflowSecrets("", "", ""))
    for need in NEEDS.values():
        assert float(settings[need.variable]) == need.at_most


def test_the_documentation_lists_them() -> None:
    text = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    rows = re.findall(r"^\| `(AIRFLOW__\w+)` \| ([\d.]+) \| (.+) \|$", text, re.MULTILINE)
    assert rows == [(need.variable, f"{need.at_most:g}", need.otherwise) for need in NEEDS.values()]


def test_the_example_for_helm_has_them() -> None:
    text = (ROOT / "docs" / "how-to" / "shared-airflow.md").read_text()
    config = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])["config"]
    assert {name: config[need.section][need.name] for name, need in NEEDS.items()} == {
        name: need.at_most for name, need in NEEDS.items()
    }


def test_terraform_and_the_documentation_quiet_the_same_loggers_as_the_local_airflow() -> None:
    place = AirflowPlace(Path("/home"), "sqlite://", Path("/passwords"), "http://localhost", "http://localhost")
    levels = airflow_settings(place, AirflowSecrets("", "", ""))["AIRFLOW__LOGGING__NAMESPACE_LEVELS"]
    assert f'NAMESPACE_LEVELS="{levels}"' in (ROOT / "docs" / "how-to" / "operate.md").read_text()
    mwaa = (ROOT / "terraform" / "modules" / "airflow" / "mwaa.tf").read_text()
    assert f'"logging.namespace_levels" = "{levels}"' in mwaa
