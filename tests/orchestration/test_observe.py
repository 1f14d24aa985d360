from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest

from orchestration.observe import Arrival, Observer, format_arrivals, parse_arrivals, record_arrival
from spark_jobs.errors import SourceMissingError
from spark_jobs.lake.heartbeat import Heartbeat, write_heartbeat
from spark_jobs.lake.layout import HEARTBEAT, OFFSET, chunk_path
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.lake.offset import Offset, format_offset
from spark_jobs.store.objects import open_objects

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


def test_arrivals_survive_as_json() -> None:
    recorded = (Arrival(100, at(0)), Arrival(200, at(1)))
    assert parse_arrivals(format_arrivals(recorded)) == recorded


@pytest.fixture
def observer() -> Observer:
    lake = open_objects("memory:///lake")
    return Observer(lake, MasterFile(lake, "transactions.csv"))


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
