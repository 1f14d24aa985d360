"""What was read, as plain values: pure decisions stand on these alone."""

from dataclasses import dataclass
from datetime import datetime

from orchestration.settings import Settings
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.heartbeat_history import Sample
from spark_jobs.lake.offset import Offset
from spark_jobs.lake.quarantine import QuarantinedLine


@dataclass(frozen=True)
class LakeFacts:
    """The lake's small objects and listings, as of `read_at`.

    Attributes:
        source_size: bytes of the master file, None where there is none.
        behind_since: since when a whole line of the master file waits to be landed, at most; None where all are.
        offset: None before the chunker's first run, or where `offset_error` says why it cannot be read.
        heartbeat: None before the detector's first, or where `heartbeat_error` says why it cannot be read.
        uncommitted_since: when the oldest chunk that is not committed was landed; None where all are committed.
        landed_at: when the chunks of the last minutes were landed; None where chunks are no files.
        quarantined: lines of the latest `quarantine_window` that are in quarantine.
        latest_quarantined: the latest of all, newest first.
        history: of the detector, oldest first.
    """

    read_at: datetime
    settings: Settings
    source_size: int | None = None
    behind_since: datetime | None = None
    offset: Offset | None = None
    offset_error: str = ""
    heartbeat: Heartbeat | None = None
    heartbeat_error: str = ""
    uncommitted_since: datetime | None = None
    landed_at: tuple[datetime, ...] | None = ()
    quarantined: int = 0
    quarantine_window: int = 0
    latest_quarantined: tuple[QuarantinedLine, ...] = ()
    history: tuple[Sample, ...] = ()
    history_error: str = ""

    @property
    def landed_line(self) -> int:
        """All lines below it are in the landing zone."""
        return self.offset.next_line if self.offset else 0

    @property
    def committed_line(self) -> int:
        """All lines below it are in the state, as far as the detector has said."""
        return self.heartbeat.committed_line if self.heartbeat else 0


@dataclass(frozen=True)
class DagRunFacts:
    """A run of a DAG; `started_at` is None while it is queued, `task_id` is the task that was started last, or ""."""

    run_id: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    task_id: str = ""


@dataclass(frozen=True)
class DagFacts:
    """A DAG and its latest runs, newest first."""

    dag_id: str
    paused: bool
    runs: tuple[DagRunFacts, ...] = ()


@dataclass(frozen=True)
class JobRunFacts:
    """A run of a Databricks job; `url` is its page, "" where it has none that can be opened."""

    run_id: int
    state: str
    started_at: datetime
    url: str


@dataclass(frozen=True)
class JobFacts:
    """A Databricks job and its latest runs, newest first; `error` says why there are none."""

    name: str
    runs: tuple[JobRunFacts, ...] = ()
    error: str = ""
