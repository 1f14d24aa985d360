"""Observations of the lake: how far chunker and detector are, and since when something waits.

All times are by the clock of the store, whatever the clocks of Airflow and the jobs say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from orchestration.state_store import StateStore, VariableMalformedError
from spark_jobs.errors import HeartbeatUnreadableError, OffsetUnreadableError, SourceMissingError
from spark_jobs.lake.heartbeat import Heartbeat, parse_heartbeat
from spark_jobs.lake.landing_times import uncommitted_since
from spark_jobs.lake.layout import HEARTBEAT, OFFSET
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.lake.offset import Offset, parse_offset
from spark_jobs.lake.quarantine import QUARANTINE_WINDOW_LINES, QuarantinedLine, QuarantineReader
from spark_jobs.store.objects import Objects

# Airflow variable that keeps the unlanded arrivals between runs.
ARRIVALS = "transaction_patterns_arrivals"
# One arrival a minute for a day; beyond that, every second one is dropped.
_MAX_ARRIVALS = 1440


@dataclass(frozen=True)
class Arrival:
    """A size of the master file in bytes, and when it reached that size."""

    size: int
    at: datetime


@dataclass(frozen=True)
class Observation:
    """The lake at one moment; fields that were not read keep their defaults.

    Attributes:
        at: when it was read.
        source_size: bytes of the master file; None if there is none.
        source_modified_at: when the master file was last replaced; None if there is none.
        source_error: why `source_size` is None.
        unlanded_since: upper bound on how long the oldest finished line has waited to be landed; None if all are.
        offset: None before the chunker's first run, or if it is unreadable.
        offset_written_at: when `offset.csv` was last written; None if there is none.
        offset_error: why it is unreadable.
        heartbeat: with its times by the store's clock; None before the detector's first start, or if it is unreadable.
        heartbeat_error: why it is unreadable.
        uncommitted_since: when the oldest uncommitted chunk was landed; None if all are committed.
        window: how many of the latest lines `quarantined` refers to.
        quarantined: lines of the window that are quarantined.
        latest_quarantined: the latest quarantined lines, newest first.
    """

    at: datetime
    source_size: int | None = None
    source_modified_at: datetime | None = None
    source_error: SourceMissingError | None = None
    unlanded_since: datetime | None = None
    offset: Offset | None = None
    offset_written_at: datetime | None = None
    offset_error: OffsetUnreadableError | None = None
    heartbeat: Heartbeat | None = None
    heartbeat_error: HeartbeatUnreadableError | None = None
    uncommitted_since: datetime | None = None
    window: int = 0
    quarantined: int = 0
    latest_quarantined: tuple[QuarantinedLine, ...] = ()

    @property
    def landed_line(self) -> int:
        """All lines below it are in the landing zone."""
        return self.offset.next_line if self.offset else 0

    @property
    def committed_line(self) -> int:
        """All lines below it are in the state, as far as the heartbeat says."""
        return self.heartbeat.committed_line if self.heartbeat else 0


class Observer:
    """Reads a lake, repeatedly if need be. Every method raises `StorageError` or `StorageRefusedError` if S3 fails.

    Args:
        now: the clock of the store.

    Attributes:
        arrivals: sizes of the master file that are not landed yet, oldest first; kept from one observation to the next.
    """

    def __init__(
        self,
        lake: Objects,
        master_file: MasterFile,
        now: Callable[[], datetime],
        arrivals: Sequence[Arrival] = (),
        latest_quarantined: int = 0,
    ) -> None:
        self._lake = lake
        self._master_file = master_file
        self._now = now
        self._quarantine = QuarantineReader(lake, latest_quarantined)
        self.arrivals = tuple(arrivals)

    def observe_detector(self) -> Observation:
        """Return the offset, the heartbeat and since when a chunk waits for the detector."""
        return Observation(**self._detector(self._offset()), at=self._now())

    def observe_chunker(self) -> Observation:
        """Return the offset, the master file and since when a line waits to be landed."""
        return Observation(**self._chunker(self._offset()), at=self._now())

    def observe(self) -> Observation:
        """Return everything."""
        found = self._offset()
        found = self._detector(found) | self._chunker(found)
        landed = found["offset"].next_line if found["offset"] else 0
        window = min(landed, QUARANTINE_WINDOW_LINES)
        quarantined, latest = self._quarantine.read(landed - window)
        return Observation(**found, window=window, quarantined=quarantined, latest_quarantined=latest, at=self._now())

    def _offset(self) -> dict[str, Any]:
        stored = self._lake.find(OFFSET)
        found: dict[str, Any] = {"offset": None, "offset_error": None}
        if stored is None:
            return found
        found["offset_written_at"] = stored.modified_at
        try:
            found["offset"] = parse_offset(stored.data, self._lake.place(OFFSET))
        except OffsetUnreadableError as error:
            found["offset_error"] = error
        return found

    def _chunker(self, found: dict[str, Any]) -> dict[str, Any]:
        """Add the master file to an observation of the offset."""
        try:
            source = self._master_file.head()
        except SourceMissingError as error:
            return {**found, "source_error": error}
        start = found["offset"].next_byte if found["offset"] else 0
        added: dict[str, Any] = {"source_size": source.size, "source_modified_at": source.modified_at}
        if found["offset_error"] or not self._master_file.has_finished_line(start, source.size):
            self.arrivals = ()
        else:
            self.arrivals = record_arrival(self.arrivals, Arrival(source.size, source.modified_at), start)
            added["unlanded_since"] = self.arrivals[0].at
        return {**found, **added}

    def _detector(self, found: dict[str, Any]) -> dict[str, Any]:
        """Add the heartbeat and the landing zone to an observation of the offset."""
        detector_fast, beat = timedelta(), None
        added: dict[str, Any] = {}
        try:
            beat, detector_fast = self._heartbeat()
        except HeartbeatUnreadableError as error:
            added["heartbeat_error"] = error
        committed = beat.committed_line if beat else 0
        added["uncommitted_since"] = uncommitted_since(self._lake, found["offset"], committed, detector_fast)
        return {**found, "heartbeat": beat, **added}

    def _heartbeat(self) -> tuple[Heartbeat | None, timedelta]:
        """Return the heartbeat by the store's clock, and how far the detector's clock is ahead of it."""
        stored = self._lake.find(HEARTBEAT)
        if stored is None:
            return None, timedelta()
        beat = parse_heartbeat(stored.data, self._lake.place(HEARTBEAT))
        fast = beat.updated_at - stored.modified_at
        return replace(beat, updated_at=stored.modified_at, started_at=beat.started_at - fast), fast


def record_arrival(arrivals: Sequence[Arrival], newest: Arrival, landed_byte: int) -> tuple[Arrival, ...]:
    """Return the arrivals that are not landed, oldest first, with the present size of the master file.

    The oldest waiting transaction arrived no later than the first of them, and after the observation before that.

    Args:
        arrivals: the result of the previous call.
        newest: the present size.
        landed_byte: where the landed part ends.
    """
    waiting = [arrival for arrival in arrivals if landed_byte < arrival.size < newest.size]
    known = next((arrival for arrival in arrivals if arrival.size == newest.size), newest)
    found = (*waiting, known)
    return found if len(found) <= _MAX_ARRIVALS else found[::2]


def load_arrivals(state: StateStore) -> tuple[Arrival, ...]:
    """Return what `save_arrivals` stored, nothing before the first time.

    Raises:
        VariableUnreadableError: it cannot be read.
        VariableMalformedError: it is something else.
    """
    values = state.read(ARRIVALS)
    try:
        return tuple(Arrival(int(size), datetime.fromisoformat(at)) for size, at in values or ())
    except (TypeError, ValueError) as error:
        problem = f"not a list of arrivals ({error}); delete the variable, and waiting lines count from now on"
        raise VariableMalformedError(ARRIVALS, problem) from error


def save_arrivals(state: StateStore, arrivals: Sequence[Arrival]) -> None:
    """Store arrivals until the next run."""
    state.write(ARRIVALS, [[arrival.size, arrival.at.isoformat()] for arrival in arrivals])
