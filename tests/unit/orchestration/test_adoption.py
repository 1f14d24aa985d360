"""A version of the rules is awaited until it is in force, and no longer than makes sense."""

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from orchestration.adoption import Adoption, AdoptionSensor
from orchestration.settings import Settings
from spark_jobs.errors import HeartbeatUnreadableError, RulesError
from tests.unit.orchestration.test_judge import EMPTY, WELL, ago, changed

SETTINGS = Settings()


@pytest.mark.parametrize(
    ("version", "complete"), [(2, False), (3, True), (4, True)], ids=["older", "this one", "a later one"]
)
def test_a_version_is_adopted_when_it_or_a_later_one_is_in_force(version: int, complete: bool) -> None:
    assert Adoption(3).is_complete(changed({"rules_version": version}), SETTINGS) is complete


def test_before_the_detectors_first_heartbeat_nothing_is_adopted() -> None:
    assert not Adoption(1).is_complete(EMPTY, SETTINGS)


def test_a_refused_version_ends_the_wait_with_the_detectors_reason() -> None:
    refused = {"refused_rules_version": 3, "refused_rules_reason": "17 patterns"}
    with pytest.raises(RulesError, match="refuses version 3, and keeps the one before: 17 patterns"):
        Adoption(3).is_complete(changed(refused), SETTINGS)


def test_an_unreadable_heartbeat_is_an_error() -> None:
    with pytest.raises(HeartbeatUnreadableError):
        Adoption(3).is_complete(changed(heartbeat_error=HeartbeatUnreadableError("damaged")), SETTINGS)


def test_without_new_chunks_the_wait_ends_after_two_minutes_and_begins_anew_with_each_chunk() -> None:
    waiting = Adoption(1)

    def seen(seconds: float, **changes: Any) -> bool:
        at = WELL.at + timedelta(seconds=seconds)
        return waiting.is_complete(changed({"updated_at": at}, at=at, **changes), SETTINGS)

    assert not seen(0)
    assert not seen(100)
    assert not seen(110, uncommitted_since=ago(0))
    assert not seen(120)
    assert not seen(239)
    with pytest.raises(
        AirflowSkipException, match="nothing has landed for 2 min; the detector adopts it with the next"
    ):
        seen(240)


def test_a_detector_that_is_dead_is_waited_for_and_named_at_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Adoption(1)
    dead = changed({"updated_at": ago(600)})
    for minutes in range(20):
        assert not waiting.is_complete(
            changed({"updated_at": ago(600)}, at=WELL.at + timedelta(minutes=minutes)), SETTINGS
        )
    waiting.is_complete(dead, SETTINGS)
    assert waiting.reason == "Its last heartbeat is 10 min old."

    def time_out(*_: object) -> None:
        raise AirflowSensorTimeout

    monkeypatch.setattr(BaseSensorOperator, "execute", time_out)
    sensor = AdoptionSensor(task_id="wait", report="r", timeout=1800)
    monkeypatch.setitem(sensor.__dict__, "_adoption", waiting)
    with pytest.raises(
        AirflowFailException, match=r"not adopted within 30 min: Its last heartbeat is 10 min old\. The"
    ):
        sensor.execute({})


def test_a_detector_that_cannot_look_for_rules_says_why() -> None:
    waiting = Adoption(1)
    assert not waiting.is_complete(changed({"refused_rules_reason": "rules/ cannot be read"}), SETTINGS)
    assert waiting.reason.endswith(" rules/ cannot be read.")
