"""All that the page reads, each on its own thread and at its own pace, as long as somebody looks."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property

import pyarrow as pa
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from detection_page.facts import DagFacts, JobFacts
from detection_page.read_lake import PATIENCE, LakeReader
from detection_page.read_tables import StateReader
from detection_page.state import Sight
from detection_page.tables import TableFacts
from detection_page.watched import Watched
from orchestration.lake import Lake
from orchestration.settings import Settings
from spark_jobs.store.delta import storage_options

_SECONDS = {"lake": 2.0, "tables": 2.0, "dags": 5.0, "jobs": 10.0}


class Sources:
    """What can be looked at.

    Args:
        load_settings: asked before each read, so that a change is followed without a restart.
        read_dags: the DAGs and their runs.
        job_reader: from settings, what reads the Databricks jobs and their runs.
    """

    def __init__(
        self,
        load_settings: Callable[[], Settings],
        read_dags: Callable[[], tuple[DagFacts, ...]],
        job_reader: Callable[[Settings], Callable[[], tuple[JobFacts, ...]]],
        now: Callable[[], datetime],
    ) -> None:
        self._load_settings = load_settings
        self._job_reader = job_reader
        self._now = now
        self._lock = threading.Lock()
        self._made: tuple[Settings, _Readers] | None = None
        pool = ThreadPoolExecutor(len(_SECONDS), thread_name_prefix="detection-page")
        self._lake = Watched("S3", lambda: self._readers().lake.read(), _SECONDS["lake"], pool, now)
        self._tables = Watched("S3", lambda: self._readers().state.read(), _SECONDS["tables"], pool, now)
        self._dags = Watched("Airflow's database", read_dags, _SECONDS["dags"], pool, now)
        self._jobs = Watched("Databricks", lambda: self._readers().read_jobs(), _SECONDS["jobs"], pool, now)

    def look(self) -> Sight:
        """Return what was read last, at once."""
        return Sight(self._lake.look(), self._tables.look(), self._dags.look(), self._jobs.look())

    def tables(self) -> TableFacts:
        """Return detections and merchants as they were read last, none before the first read."""
        return self._tables.look().value or TableFacts()

    def merchant_history(self, merchant: str) -> pa.Table:
        """Return all rows of one merchant; whoever asks waits for the storage."""
        return self._readers().state.history(merchant)

    def file(self, path: str) -> bytes | None:
        """Return an object under the lake, None where there is none; whoever asks waits for the storage."""
        return Lake(self._load_settings(), PATIENCE).find(path)

    def _readers(self) -> "_Readers":
        settings = self._load_settings()
        with self._lock:
            if self._made is None or self._made[0] != settings:
                self._made = (settings, _Readers(settings, self._job_reader, self._now))
            return self._made[1]


class _Readers:
    """Everything that is read of one lake and one workspace; each is made where it is needed first."""

    def __init__(
        self,
        settings: Settings,
        job_reader: Callable[[Settings], Callable[[], tuple[JobFacts, ...]]],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._job_reader = job_reader
        self._now = now

    @cached_property
    def lake(self) -> LakeReader:
        return LakeReader(self._settings, self._now)

    @cached_property
    def state(self) -> StateReader:
        return StateReader(self._settings.lake.rstrip("/"), _delta_options(self._settings))

    @cached_property
    def read_jobs(self) -> Callable[[], tuple[JobFacts, ...]]:
        return self._job_reader(self._settings)


def _delta_options(settings: Settings) -> Callable[[], dict[str, str]]:
    """Return what tells `deltalake` how to reach the lake: the connection's endpoint, credentials valid now."""
    if not settings.aws_connection:
        return storage_options
    hook = S3Hook(aws_conn_id=settings.aws_connection)
    # The session renews credentials that expire.
    session = hook.get_session()
    endpoint = hook.conn_config.get_service_endpoint_url("s3")

    def options() -> dict[str, str]:
        credentials = session.get_credentials().get_frozen_credentials()
        values = {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.token,
            "AWS_REGION": session.region_name,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ALLOW_HTTP": "true" if (endpoint or "").startswith("http://") else None,
        }
        return {name: value for name, value in values.items() if value}

    return options
