"""The state as it is polled, from what was read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from detection_page.facts import JobFacts, LakeFacts
from detection_page.state import Sight, state_view
from detection_page.tables import TableFacts
from detection_page.watched import Seen
from orchestration.settings import Settings

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FRESH = Sight(
    Seen(LakeFacts(NOW, Settings()), NOW, version=1, tried_at=NOW),
    Seen(TableFacts(), NOW, version=1, tried_at=NOW),
    Seen((), NOW, version=1, tried_at=NOW),
    Seen((JobFacts("chunker"),), NOW, version=1, tried_at=NOW),
)


def test_before_the_first_read_nothing_is_claimed() -> None:
    view = state_view(NOW, "1h", Sight(Seen(), Seen(), Seen(), Seen()), ())
    assert (view["loading"], view["lake"], view["found"], view["problems"]) == (True, None, None, [])
    assert view["detector"] == {"level": "unknown", "why": "Reading the lake …"}


def test_what_was_read_when_somebody_looked_last_says_nothing_of_now() -> None:
    assert state_view(NOW + timedelta(seconds=15), "1h", FRESH, ())["chunker"]["level"] == "idle"
    view = state_view(NOW + timedelta(seconds=16), "1h", FRESH, ())
    assert (view["loading"], view["chunker"]["level"]) == (True, "unknown")


def test_a_storage_that_does_not_answer_is_a_problem_of_its_own() -> None:
    later = NOW + timedelta(minutes=5)
    hanging = replace(FRESH.lake, error="S3 does not answer", failing_since=NOW, tried_at=later)
    view = state_view(later, "1h", replace(FRESH, lake=hanging), ())
    assert view["problems"] == [
        {"what": "The lake cannot be read", "why": "S3 does not answer", "since": NOW.timestamp()}
    ]
    assert not view["loading"]
    assert view["chunker"] == {"level": "unknown", "why": "Not known: the lake cannot be read."}
    assert view["lake"]["landed_line"] == 0


def test_a_problem_of_when_somebody_looked_last_is_none_of_now() -> None:
    failed = replace(FRESH, lake=replace(FRESH.lake, error="OSError", failing_since=NOW))
    assert len(state_view(NOW, "1h", failed, ())["problems"]) == 1
    view = state_view(NOW + timedelta(seconds=16), "1h", failed, ())
    assert (view["problems"], view["loading"], view["detector"]["why"]) == ([], True, "Reading the lake …")
