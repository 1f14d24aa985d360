"""Snapshots of what the page reads, as plain values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from orchestration.dag_ids import CHUNKER_DAG
from orchestration.judge import DagStatus
from pattern_page.detection_table import Detections
from pattern_page.poller import Polled
from pattern_page.shadow import ShadowFindings
from spark_jobs.lake.heartbeat_history import Sample
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA

if TYPE_CHECKING:
    from orchestration.observe import Observation
    from orchestration.settings import Settings


@dataclass(frozen=True)
class LakeSnapshot:
    """The lake's small objects and listings.

    Attributes:
        landing_times: when the latest chunks were landed; None for a Delta landing zone.
        history: of the detector, oldest first.
        history_error: why there is no history.
        quarantine_capped: quarantined lines are more than were counted, because too much would have to be read.
    """

    observation: "Observation"
    settings: "Settings"
    landing_times: tuple[datetime, ...] | None = ()
    history: tuple[Sample, ...] = ()
    history_error: str = ""
    quarantine_capped: bool = False


@dataclass(frozen=True)
class TablesSnapshot:
    """Detections and merchants as of one version of their tables.

    Attributes:
        version: changes if, and only if, rows were appended.
        merchants: the latest row of each, with a column `detections`.
        refused: why the state is not read: it was written by another release.
        shadow: what shadow patterns would have reported.
        merchants_capped: merchants without recent transactions are missing, because too much would have to be read.
    """

    version: str = ""
    detections: Detections = field(default_factory=Detections)
    merchants: pa.Table = field(
        default_factory=lambda: MERCHANTS_SCHEMA.append(pa.field("detections", pa.int64())).empty_table()
    )
    refused: str = ""
    merchants_capped: bool = False
    shadow: ShadowFindings = field(default_factory=ShadowFindings)


@dataclass(frozen=True)
class DagRunSnapshot:
    """A run of a DAG; `started_at` is None while it is queued, `task_id` is the task started last, or ""."""

    run_id: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    task_id: str = ""


@dataclass(frozen=True)
class DagSnapshot:
    """A DAG and its latest runs, newest first."""

    dag_id: str
    paused: bool
    runs: tuple[DagRunSnapshot, ...] = ()

    @property
    def status(self) -> DagStatus:
        """What the verdict on the chunker depends on."""
        return DagStatus(self.dag_id, known=True, paused=self.paused, last_run=self.runs[0].state if self.runs else "")


@dataclass(frozen=True)
class JobRunSnapshot:
    """A run of a Databricks job; `url` is its page, or "" if it has none that can be opened."""

    run_id: int
    state: str
    started_at: datetime
    url: str


@dataclass(frozen=True)
class JobSnapshot:
    """A Databricks job and its latest runs, newest first; `error` is why there are none.

    Who may read the runs of the DAG `dag_id`, which runs or supervises the job, may read those of the job.
    """

    name: str
    dag_id: str
    runs: tuple[JobRunSnapshot, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Snapshot:
    """The last successful read of every source.

    Attributes:
        chunker_dag: the DAG that keeps landing going, see `ChunkerMode.dag_id`.
    """

    lake: Polled[LakeSnapshot]
    tables: Polled[TablesSnapshot]
    dags: Polled[tuple[DagSnapshot, ...]]
    jobs: Polled[tuple[JobSnapshot, ...]]
    chunker_dag: str = CHUNKER_DAG
