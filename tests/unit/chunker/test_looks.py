"""Following the master file, by a clock of its own."""

import logging
from collections.abc import Callable, Mapping

import pytest

from spark_jobs.chunker import looks
from spark_jobs.chunker.land import ChunkerJob
from spark_jobs.chunker.looks import RETRY_PAUSES_SECONDS, ChunkerSummary, Pace, follow
from spark_jobs.errors import OffsetRaceLostError, SourceHeaderError, SourceMissingError
from tests.unit.chunker_job import HEADER, good_line, landed_chunks, new_job, write_source

PACE = Pace(seconds=60, interval_seconds=5)


class Clock:
    """Time that passes only while the run waits.

    Attributes:
        pauses: the seconds that it waited, one after another, without those of 0.
        events: called once each, when the time has come.
        stops_after: waits after which the run is to stop, 0 for never.
    """

    def __init__(self, events: Mapping[float, Callable[[], None]] | None = None, stops_after: int = 0) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.waits = 0
        self.stops_after = stops_after
        self._events = dict(events or {})

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waits += 1
        self.now += seconds
        if seconds:
            self.pauses.append(seconds)
        for at in [at for at in self._events if at <= self.now]:
            self._events.pop(at)()
        return self.waits == self.stops_after


def followed(job: ChunkerJob, clock: Clock) -> ChunkerSummary:
    return follow(job, PACE, clock.wait, clock.monotonic)


def source_of(lines: int) -> bytes:
    return HEADER + b"".join(map(good_line, range(lines)))


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def _log_is_captured(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    # A test of the command line may have configured it.
    monkeypatch.setattr(logging.getLogger("chunker"), "propagate", True)
    caplog.set_level(logging.INFO, "chunker")


def test_a_backlog_is_landed_at_once_and_later_lines_at_the_next_look(caplog: pytest.LogCaptureFixture) -> None:
    job = new_job(chunk_size=3)
    write_source(job, source_of(7))
    clock = Clock({12: lambda: write_source(job, source_of(8))})
    summary = followed(job, clock)
    assert [(first, len(rows)) for first, rows in landed_chunks(job)] == [(0, 3), (3, 3), (6, 1), (7, 1)]
    assert clock.pauses == [5.0] * 12
    assert (summary.outcome, summary.chunks, summary.landed_line, summary.seconds) == ("done", 4, 8, 60.0)
    assert said(caplog) == ["chunk landed"] * 4, "an empty look says nothing"


def test_a_run_during_which_nothing_comes_says_so_once() -> None:
    job = new_job()
    write_source(job, HEADER)
    summary = followed(job, Clock())
    assert (summary.outcome, summary.chunks, summary.landed_line) == ("nothing_new", 0, 0)


def test_a_failing_look_is_repeated_with_growing_pauses_until_it_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    job = new_job()
    clock = Clock({12: lambda: write_source(job, source_of(2))})
    summary = followed(job, clock)
    assert clock.pauses[:4] == [5.0, 10.0, 5.0, 5.0]
    assert summary.landed_line == 2
    assert said(caplog) == ["look failed", "look failed", "chunk landed"]


def test_looks_that_keep_failing_end_the_run() -> None:
    clock = Clock()
    with pytest.raises(SourceMissingError):
        follow(new_job(), Pace(3600, 5), clock.wait, clock.monotonic)
    assert tuple(clock.pauses) == RETRY_PAUSES_SECONDS


def test_a_permanent_failure_ends_the_run_at_once() -> None:
    job, clock = new_job(), Clock()
    write_source(job, b"a,b\n")
    with pytest.raises(SourceHeaderError):
        followed(job, clock)
    assert clock.waits == 0


def test_a_lost_race_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(_: ChunkerJob) -> None:
        raise OffsetRaceLostError

    job, clock = new_job(), Clock()
    monkeypatch.setattr(looks, "land_next_chunk", lose)
    assert followed(job, clock).outcome == "nothing_new"
    assert clock.pauses == [5.0] * 12


def test_a_stop_is_heeded_between_two_chunks() -> None:
    job, clock = new_job(chunk_size=3), Clock(stops_after=2)
    write_source(job, source_of(30))
    assert followed(job, clock).landed_line == 6
    assert clock.now == 0


def test_a_record_that_stays_unfinished_is_not_logged_at_every_look(caplog: pytest.LogCaptureFixture) -> None:
    job = new_job()
    write_source(job, HEADER + good_line(0) + b"1,'C1','F','M1','es_food,1\n")
    followed(job, Clock())
    before, landed, after = said(caplog)
    assert landed == "chunk landed"
    assert "line 1: a quote is not closed yet" in before
    assert after == before
