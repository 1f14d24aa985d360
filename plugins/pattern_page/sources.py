"""Everything that the page reads, each source on a thread and at an interval of its own."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property

import pyarrow as pa

from orchestration.dag_ids import CHUNKER_DAG
from orchestration.settings import Settings
from orchestration.storage import Patience, Storage
from pattern_page.capped_objects import CappedObjects
from pattern_page.lake_reader import LakeReader
from pattern_page.poller import Poller
from pattern_page.rule_versions import RulesVersion, RuleVersions
from pattern_page.snapshots import DagSnapshot, JobSnapshot, Snapshot, TablesSnapshot
from pattern_page.state_reader import StateReader
from spark_jobs.lake.merchant_state import MerchantState

INTERVALS: Mapping[str, float] = {"lake": 2.0, "tables": 2.0, "dags": 5.0, "jobs": 10.0}
# Short, so that requests do not pile up in the API server while S3 does not respond.
_PATIENCE = Patience(connect_seconds=5, read_seconds=5, request_seconds=20, retries=0)

ReadJobs = Callable[[], tuple[JobSnapshot, ...]]


class Sources:
    """The sources of the page, which are polled while somebody watches.

    Args:
        load_settings: called before each read, so that changed settings take effect without a restart.
        read_dags: reads the DAGs and their runs.
        job_reader: returns, for settings, what reads the Databricks jobs and their runs.
        chunker_dag: the DAG that keeps landing going.
        intervals: seconds between the reads of each source.
    """

    def __init__(
        self,
        load_settings: Callable[[], Settings],
        read_dags: Callable[[], tuple[DagSnapshot, ...]],
        job_reader: Callable[[Settings], ReadJobs],
        now: Callable[[], datetime],
        chunker_dag: str = CHUNKER_DAG,
        intervals: Mapping[str, float] = INTERVALS,
    ) -> None:
        self._load_settings = load_settings
        self._chunker_dag = chunker_dag
        self._job_reader = job_reader
        self._now = now
        self._lock = threading.Lock()
        self._current: _Readers | None = None
        pool = ThreadPoolExecutor(len(intervals), thread_name_prefix="pattern-page")
        self._lake = Poller("S3", lambda: self._readers().lake.read(), intervals["lake"], pool, now)
        self._tables = Poller("S3", lambda: self._readers().state.read(), intervals["tables"], pool, now)
        self._dags = Poller("Airflow's database", read_dags, intervals["dags"], pool, now)
        self._jobs = Poller("Databricks", lambda: self._readers().read_jobs(), intervals["jobs"], pool, now)

    def poll(self) -> Snapshot:
        """Return the last reads at once."""
        polled = self._lake.poll(), self._tables.poll(), self._dags.poll(), self._jobs.poll()
        return Snapshot(*polled, self._chunker_dag)

    def tables(self) -> TablesSnapshot:
        """Return detections, shadow findings and merchants as last read; none before the first read."""
        return self._tables.poll().value or TablesSnapshot()

    def merchant_history(self, merchant: str) -> tuple[pa.Table, bool]:
        """Return the rows of one merchant, and whether there are older ones that were not read; blocks."""
        return self._readers().state.history(merchant)

    def merchant_state(self, merchant: str) -> MerchantState:
        """Return the state of one merchant with all its customers; blocks.

        Raises:
            MerchantTooLargeError: it has too many customers.
        """
        readers = self._readers()
        return readers.state.merchant_state(CappedObjects(readers.storage.lake), merchant)

    def rules(self) -> list[RulesVersion]:
        """Return all versions of the rules, in order; blocks."""
        return self._readers().rules.read()

    def file(self, path: str) -> bytes | None:
        """Return an object under the lake, or None if it does not exist; blocks.

        Raises:
            TooLargeError: it is too large to be shown.
        """
        stored = CappedObjects(self._readers().storage.lake).find(path)
        return stored.data if stored else None

    def _readers(self) -> "_Readers":
        settings = self._load_settings()
        with self._lock:
            if self._current is None or self._current.settings != settings:
                self._current = _Readers(settings, self._job_reader, self._now)
            return self._current


class _Readers:
    """The readers of one lake and one workspace, each created on first use."""

    def __init__(
        self, settings: Settings, job_reader: Callable[[Settings], ReadJobs], now: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self._job_reader = job_reader
        self._now = now

    @cached_property
    def storage(self) -> Storage:
        return Storage(self.settings, _PATIENCE)

    @cached_property
    def lake(self) -> LakeReader:
        return LakeReader(self.settings, self.storage, self._now)

    @cached_property
    def state(self) -> StateReader:
        return StateReader(self.settings.lake, self.storage.delta_options, self.storage.access)

    @cached_property
    def rules(self) -> RuleVersions:
        return RuleVersions(CappedObjects(self.storage.lake), self.state.marks)

    @cached_property
    def read_jobs(self) -> ReadJobs:
        return self._job_reader(self.settings)
