"""The polling payload."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from orchestration.observe import Observation
from orchestration.settings import Settings
from pattern_page.poller import Polled
from pattern_page.snapshots import JobSnapshot, LakeSnapshot, Snapshot, TablesSnapshot
from pattern_page.state import chunks_per_minute, state_payload

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FRESH = Snapshot(
    Polled(LakeSnapshot(Observation(NOW), Settings()), NOW, version=1, tried_at=NOW),
    Polled(TablesSnapshot(), NOW, version=1, tried_at=NOW),
    Polled((), NOW, version=1, tried_at=NOW),
    Polled((JobSnapshot("chunker"),), NOW, version=1, tried_at=NOW),
)


def test_before_the_first_read_everything_is_unknown() -> None:
    payload = state_payload(NOW, "1h", Snapshot(Polled(), Polled(), Polled(), Polled()), ())
    assert (payload["loading"], payload["lake"], payload["found"], payload["problems"]) == (True, None, None, [])
    assert payload["detector"] == {"level": "unknown", "reason": "Reading the lake …"}


def test_an_outdated_read_gives_no_verdict() -> None:
    assert state_payload(NOW + timedelta(seconds=15), "1h", FRESH, ())["chunker"]["level"] == "idle"
    payload = state_payload(NOW + timedelta(seconds=16), "1h", FRESH, ())
    assert (payload["loading"], payload["chunker"]["level"]) == (True, "unknown")


def test_storage_that_does_not_respond_is_a_problem_of_its_own() -> None:
    later = NOW + timedelta(minutes=5)
    hanging = replace(FRESH.lake, error="S3 does not respond", failing_since=NOW, tried_at=later)
    payload = state_payload(later, "1h", replace(FRESH, lake=hanging), ())
    assert payload["problems"] == [
        {"title": "The lake cannot be read", "reason": "S3 does not respond", "since": NOW.timestamp()}
    ]
    assert not payload["loading"]
    assert payload["chunker"] == {"level": "unknown", "reason": "Unknown: the lake cannot be read."}
    assert payload["lake"]["landed_line"] == 0


def test_an_outdated_problem_is_not_shown() -> None:
    failed = replace(FRESH, lake=replace(FRESH.lake, error="OSError", failing_since=NOW))
    assert len(state_payload(NOW, "1h", failed, ())["problems"]) == 1
    payload = state_payload(NOW + timedelta(seconds=16), "1h", failed, ())
    assert (payload["problems"], payload["loading"], payload["detector"]["reason"]) == ([], True, "Reading the lake …")


def test_chunks_per_minute_are_those_of_the_window() -> None:
    times = tuple(NOW - timedelta(seconds=seconds) for seconds in (0, 10, 299, 300, 301, -5))
    assert chunks_per_minute(times, NOW, 300) == 0.6
    assert chunks_per_minute((), NOW, 300) == 0
