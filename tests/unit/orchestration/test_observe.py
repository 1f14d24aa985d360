from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

import pytest

from orchestration.judge import find_stall
from orchestration.observe import ARRIVALS, Arrival, Observer, load_arrivals, record_arrival, save_arrivals
from orchestration.settings import Settings
from orchestration.state_store import VariableMalformedError
from spark_jobs.errors import SourceMissingError
from spark_jobs.lake.heartbeat import Heartbeat, write_heartbeat
from spark_jobs.lake.heartbeat_history import Sample, write_history
from spark_jobs.lake.layout import HEARTBEAT, OFFSET, chunk_path
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.lake.offset import Offset, format_offset
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.orchestration.memory_state import MemoryState

START = datetime(2026, 1, 1, tzinfo=UTC)
Arrivals = tuple[Arrival, ...]


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def test_the_oldest_arrival_is_that_of_its_first_observation() -> None:
    sizes = ((100, 0), (200, 1), (200, 2))
    recorded: Arrivals = reduce(lambda noted, one: record_arrival(noted, Arrival(one[0], at(one[1])), 50), sizes, ())
    assert recorded == (Arrival(100, at(0)), Arrival(200, at(1)))


def test_landed_arrivals_are_dropped_even_if_the_chunker_never_catches_up() -> None:
    recorded: Arrivals = ()
    for minute in range(10):
        # It lands what arrived three minutes ago.
        landed = max(0, 100 * (minute - 2))
        recorded = record_arrival(recorded, Arrival(100 * (minute + 1), at(minute)), landed)
    assert recorded[0] == Arrival(800, at(7))
    assert len(recorded) == 3


def test_the_first_line_after_a_quiet_hour_is_not_an_hour_old() -> None:
    recorded = record_arrival((), Arrival(100, at(0)), 100)
    assert record_arrival(recorded, Arrival(200, at(60)), 100) == (Arrival(200, at(60)),)


def test_a_day_without_landing_keeps_the_oldest_and_a_bounded_number() -> None:
    recorded: Arrivals = ()
    for minute in range(5000):
        recorded = record_arrival(recorded, Arrival(minute + 1, at(minute)), 0)
    assert recorded[0] == Arrival(1, at(0))
    assert recorded[-1].size == 5000
    assert len(recorded) <= 1440


def test_arrivals_survive_until_the_next_run() -> None:
    state = MemoryState()
    assert load_arrivals(state) == ()
    recorded = (Arrival(100, at(0)), Arrival(200, at(1)))
    save_arrivals(state, recorded)
    assert load_arrivals(state) == recorded


@pytest.mark.parametrize("value", [7, "x", [[1]], [["x", "2026-01-01"]], [[1, "yesterday"]]], ids=str)
def test_arrivals_that_cannot_be_read_are_an_error(value: object) -> None:
    state = MemoryState()
    state.write(ARRIVALS, value)
    with pytest.raises(VariableMalformedError, match=f"{ARRIVALS}: not a list of arrivals .*; delete the variable"):
        load_arrivals(state)


def utc_now() -> datetime:
    return datetime.now(UTC)


def observer_of(lake: Objects, now: Callable[[], datetime] = utc_now) -> Observer:
    return Observer(lake, MasterFile(lake, "transactions.csv"), now)


@pytest.fixture(params=["memory:///lake", "file://{}/lake"], ids=["memory", "directory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """A lake whose store has the clock of this machine."""
    return open_objects(request.param.format(tmp_path))


@pytest.fixture
def observer(lake: Objects) -> Observer:
    return observer_of(lake)


@pytest.mark.parametrize("wrong", [-3600, -45, 45, 3600], ids=lambda seconds: f"{seconds} s")
def test_the_age_of_a_heartbeat_does_not_depend_on_the_detectors_clock(lake: Objects, wrong: int) -> None:
    detector_now = utc_now() + timedelta(seconds=wrong)
    write_heartbeat(lake, Heartbeat(detector_now - timedelta(minutes=5), detector_now, 0, 0))
    seen = observer_of(lake).observe_detector()
    assert seen.heartbeat
    assert abs((seen.at - seen.heartbeat.updated_at).total_seconds()) < 10
    assert abs((seen.at - seen.heartbeat.started_at).total_seconds() - 300) < 10
    started_at = seen.at - timedelta(minutes=5)
    assert find_stall(seen, Settings(), started_at) is None
    later = replace(seen, at=seen.at + timedelta(seconds=45))
    assert "heartbeat" in (find_stall(later, Settings(), started_at) or "")


def test_all_ages_count_from_the_stores_clock(lake: Objects) -> None:
    """Even if that is a day ahead of this machine's."""
    lake.write("transactions.csv", b"a\n1\n2\n")
    lake.write(OFFSET, format_offset(Offset(1, 4, 4, "e", START.isoformat(), "")))
    lake.write(chunk_path(0), b"-")
    write_heartbeat(lake, Heartbeat(START, START, 0, 0))
    seen = observer_of(lake, lambda: utc_now() + timedelta(days=1)).observe()
    assert seen.heartbeat
    for stamped in (seen.unlanded_since, seen.uncommitted_since, seen.heartbeat.updated_at):
        assert stamped
        assert abs((seen.at - stamped).total_seconds() - 86_400) < 10


@pytest.mark.parametrize("wrong", [-3600, 0, 3600])
def test_in_a_delta_landing_zone_a_minute_of_the_detector_is_by_the_stores_clock(lake: Objects, wrong: int) -> None:
    detector_now = utc_now() + timedelta(seconds=wrong)
    lake.write("landing_zone/part-00000-1f6b.parquet", b"-")
    lake.write(OFFSET, format_offset(Offset(10, 100, 100, "e", START.isoformat(), "")))
    write_heartbeat(lake, Heartbeat(detector_now, detector_now, 0, 0))
    since = observer_of(lake).observe_detector().uncommitted_since
    assert since
    assert abs((utc_now() - since).total_seconds()) < 10, "the detector has not seen the line: when it was landed"
    write_history(lake, [Sample(int(detector_now.timestamp() // 60) - 5, 10, 0, 10, 0.0)])
    since = observer_of(lake).observe_detector().uncommitted_since
    assert since
    assert 290 < (utc_now() - since).total_seconds() < 370


def test_a_missing_master_file_and_damaged_objects_are_observations(observer: Observer) -> None:
    observer._lake.write(OFFSET, b"?")
    observer._lake.write(HEARTBEAT, b"?")
    seen = observer.observe()
    assert isinstance(seen.source_error, SourceMissingError)
    assert "offset.csv" in str(seen.offset_error)
    assert "detector.json" in str(seen.heartbeat_error)


def test_a_chunk_waits_only_if_it_counts_as_landed(observer: Observer) -> None:
    observer._lake.write(chunk_path(0), b"-")
    write_heartbeat(observer._lake, Heartbeat(START, START, 0, 0))
    assert observer.observe_detector().uncommitted_since is None
    observer._lake.write(OFFSET, format_offset(Offset(10, 100, 100, '"e"', START.isoformat(), "")))
    assert observer.observe_detector().uncommitted_since
