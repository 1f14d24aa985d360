"""The polling payload."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestration.dag_ids import CHUNKER_DAG, DAG_IDS, FOLLOWER_DAG, SUPERVISOR_DAG
from orchestration.observe import Observation
from orchestration.settings import Settings
from pattern_page.poller import Polled
from pattern_page.snapshots import DagSnapshot, JobSnapshot, LakeSnapshot, Snapshot, TablesSnapshot
from pattern_page.state import chunks_per_minute, state_payload
from spark_jobs.lake.heartbeat_history import Sample
from spark_jobs.lake.quarantine import QuarantinedLine

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FRESH = Snapshot(
    Polled(LakeSnapshot(Observation(NOW), Settings()), NOW, version=1, tried_at=NOW),
    Polled(TablesSnapshot(), NOW, version=1, tried_at=NOW),
    Polled((), NOW, version=1, tried_at=NOW),
    Polled((JobSnapshot("chunker", CHUNKER_DAG),), NOW, version=1, tried_at=NOW),
)
ALL = frozenset(DAG_IDS)


def test_before_the_first_read_everything_is_unknown() -> None:
    payload = state_payload(NOW, "1h", Snapshot(Polled(), Polled(), Polled(), Polled()), ALL)
    assert (payload["loading"], payload["lake"], payload["found"], payload["problems"]) == (True, None, None, [])
    assert payload["detector"] == {"level": "unknown", "reason": "Reading the lake …"}


def test_an_outdated_read_gives_no_verdict() -> None:
    assert state_payload(NOW + timedelta(seconds=15), "1h", FRESH, ALL)["chunker"]["level"] == "idle"
    payload = state_payload(NOW + timedelta(seconds=16), "1h", FRESH, ALL)
    assert (payload["loading"], payload["chunker"]["level"]) == (True, "unknown")


def test_storage_that_does_not_respond_is_a_problem_of_its_own() -> None:
    later = NOW + timedelta(minutes=5)
    hanging = replace(FRESH.lake, error="S3 does not respond", failing_since=NOW, tried_at=later)
    payload = state_payload(later, "1h", replace(FRESH, lake=hanging), ALL)
    assert payload["problems"] == [
        {"title": "The lake cannot be read", "reason": "S3 does not respond", "since": NOW.timestamp()}
    ]
    assert not payload["loading"]
    assert payload["chunker"] == {"level": "unknown", "reason": "Unknown: the lake cannot be read."}
    assert payload["lake"]["landed_line"] == 0


def test_an_outdated_problem_is_not_shown() -> None:
    failed = replace(FRESH, lake=replace(FRESH.lake, error="OSError", failing_since=NOW))
    assert len(state_payload(NOW, "1h", failed, ALL)["problems"]) == 1
    payload = state_payload(NOW + timedelta(seconds=16), "1h", failed, ALL)
    assert (payload["problems"], payload["loading"], payload["detector"]["reason"]) == ([], True, "Reading the lake …")


def test_chunks_per_minute_are_those_of_the_window() -> None:
    times = tuple(NOW - timedelta(seconds=seconds) for seconds in (0, 10, 299, 300, 301, -5))
    assert chunks_per_minute(times, NOW, 300) == 0.6
    assert chunks_per_minute((), NOW, 300) == 0


def visible_to(dags: frozenset[str]) -> dict[str, Any]:
    started = JobSnapshot("detector", SUPERVISOR_DAG)
    seen = Observation(NOW, latest_quarantined=(QuarantinedLine(1, "negative", "C1,secret"),), quarantined=1, window=10)
    snapshot = replace(
        FRESH,
        lake=replace(FRESH.lake, value=LakeSnapshot(seen, Settings(), quarantine_capped=True)),
        tables=replace(FRESH.tables, error="ArrowInvalid: expected 3 columns, got: C1,secret", failing_since=NOW),
        dags=replace(FRESH.dags, value=tuple(DagSnapshot(dag_id, paused=True) for dag_id in DAG_IDS)),
        jobs=replace(FRESH.jobs, value=(JobSnapshot("chunker", CHUNKER_DAG), started)),
    )
    return state_payload(NOW, "1h", snapshot, dags)


def test_everything_is_shown_to_who_may_read_all_dags() -> None:
    payload = visible_to(ALL)
    assert payload["hidden"] == ""
    assert [dag["id"] for dag in payload["dags"]] == list(DAG_IDS)
    assert [job["name"] for job in payload["jobs"]] == ["chunker", "detector"]
    assert payload["chunker"]["level"] == payload["detector"]["level"] == "idle"
    assert payload["lake"]["quarantine"]["latest"][0]["raw"] == "C1,secret"
    assert "C1,secret" in payload["problems"][0]["reason"]
    assert payload["lake"]["quarantine"]["capped"]


@pytest.mark.parametrize("missing", DAG_IDS)
def test_verdicts_runs_and_jobs_are_those_of_the_dags_that_the_user_may_read(missing: str) -> None:
    payload = visible_to(ALL - {missing})
    assert missing not in [dag["id"] for dag in payload["dags"]]
    assert len(payload["dags"]) == len(DAG_IDS) - 1
    verdicts = {CHUNKER_DAG: "chunker", SUPERVISOR_DAG: "detector"}
    for dag_id, name in verdicts.items():
        hidden = {"level": "unknown", "reason": f"Hidden: you may not read the DAG {dag_id}."}
        assert (payload[name] == hidden) is (dag_id == missing)
    assert [job["name"] for job in payload["jobs"]] == [name for dag_id, name in verdicts.items() if dag_id != missing]
    assert missing in payload["hidden"]
    assert "secret" not in str(payload)
    assert payload["problems"][0]["title"] == "Detections and merchants cannot be read"
    assert payload["lake"]["quarantine"]["lines"] == 1


@pytest.mark.parametrize("chunker_dag", [CHUNKER_DAG, FOLLOWER_DAG])
def test_the_chunker_is_judged_by_the_dag_that_keeps_it_going(chunker_dag: str) -> None:
    dags = tuple(DagSnapshot(dag_id, paused=dag_id == chunker_dag) for dag_id in DAG_IDS)
    lake = replace(FRESH.lake, value=LakeSnapshot(Observation(NOW, source_size=0), Settings()))
    snapshot = replace(FRESH, lake=lake, dags=replace(FRESH.dags, value=dags), chunker_dag=chunker_dag)
    verdict = state_payload(NOW, "1h", snapshot, ALL)["chunker"]
    assert verdict == {"level": "late", "reason": f"The DAG {chunker_dag} is paused: new lines will not be landed."}
    hidden = state_payload(NOW, "1h", snapshot, ALL - {chunker_dag})["chunker"]
    assert hidden["reason"] == f"Hidden: you may not read the DAG {chunker_dag}."


def test_a_user_who_may_read_no_dag_sees_neither_runs_nor_verdicts() -> None:
    payload = visible_to(frozenset())
    assert (payload["dags"], payload["jobs"]) == ([], [])
    assert payload["chunker"]["level"] == payload["detector"]["level"] == "unknown"
    assert "paused" not in str(payload["chunker"])


def test_plots_begin_with_the_first_value_of_a_new_system() -> None:
    history = (Sample(int(NOW.timestamp() // 60) - 3, 0, 0, 0, 1.0),)
    lake = replace(FRESH.lake, value=LakeSnapshot(Observation(NOW), Settings(), history=history))
    assert len(state_payload(NOW, "24h", replace(FRESH, lake=lake), ALL)["plots"]["lag_seconds"]) == 10
    assert len(state_payload(NOW, "24h", FRESH, ALL)["plots"]["lag_seconds"]) == 96
