"""The whole system under Airflow, with a master file that grows on demand."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil
from databricks.sdk.service import jobs

from local.bucket import LAKE_KEY
from local.growing_file import GrowingFile
from local.jobs import create_jobs
from local.lake_view import LakeView
from local.progress import Status
from local.stack import Layout, Stack
from orchestration.notify import NOTIFIED
from spark_jobs.lake.layout import LANDING_ZONE
from tests.harness.pipeline import Pipeline, wait_until
from tests.harness.polling import polling

# Options of the local Databricks: each run waits a second for its cluster.
START_DELAY = ("--start-delay", "1")
_PATIENCE_SECONDS = 240


@dataclass
class Running:
    """The running system.

    Attributes:
        source: the master file; it grows by one row per "second" of the clock passed to it.
        notified: the alerts sent so far.
        pipeline: the lake.
        layout: where the stack keeps its files.
        ops_token: the secret of the alert connection.
        command_lines: the command lines of all processes seen on this machine so far.
    """

    stack: Stack
    source: GrowingFile
    notified: list[dict[str, Any]]
    pipeline: Pipeline
    layout: Layout
    ops_token: str
    command_lines: set[str]
    rows: int = 0

    def append(self, rows: int = 3000) -> None:
        """Append rows to the master file."""
        self.rows += rows
        self.source.advance(self.rows)
        assert self.source.rows == self.rows

    def status(self) -> Status:
        return LakeView(self.stack.s3).status(self.rows, 1.0)

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds, restarting processes that have ended, as a service manager would."""

        def holds() -> bool:
            self.stack.restart_ended()
            return bool(condition())

        wait_until(holds, seconds=_PATIENCE_SECONDS)

    def watch_until(self, condition: Callable[[], object]) -> None:
        """Run the DAGs that raise alerts continuously, not just once a minute, until a condition holds."""

        def holds() -> bool:
            return bool(condition()) or bool(self._watch() and condition())

        wait_until(holds, seconds=_PATIENCE_SECONDS)

    def _watch(self) -> bool:
        runs = [
            f"/dags/{dag_id}/dagRuns/{self.airflow('POST', f'/dags/{dag_id}/dagRuns', logical_date=None)['dag_run_id']}"
            for dag_id in ("supervise_chunker", "supervise_detector", "watch_freshness")
        ]
        self.wait(lambda: all(self.airflow("GET", run)["state"] in ("success", "failed") for run in runs))
        return True

    def wait_until_all_is_committed(self) -> None:
        self.wait(lambda: self.status().committed_line == self.rows)

    def wait_until_all_is_well(self) -> None:
        """Wait until all lines are committed and all alerts are resolved."""
        self.wait_until_all_is_committed()
        self.watch_until(lambda: not self.open_alerts())

    def open_alerts(self) -> list[str]:
        """Return the keys of the unresolved alerts."""
        variables = {one["key"]: one["value"] for one in self.airflow("GET", "/variables?limit=100")["variables"]}
        groups = [f"{NOTIFIED}_{group}" for group in ("chunker", "detector", "freshness")]
        return [key for group in groups if group in variables for key in json.loads(variables[group])["open"]]

    def times_notified(self, text: str) -> int:
        return sum(text in message["text"] for message in self.notified)

    def assert_told_once(self, alert: str) -> None:
        """Assert that an alert was told, and once each time it was open: a busy machine may open it again."""
        self.wait_until_all_is_well()
        assert self.times_notified(f"WARNING {alert}") == self.times_notified(f"RESOLVED {alert}") > 0

    def live_runs(self, job: str) -> list[jobs.BaseRun]:
        return list(self.stack.workspace.jobs.list_runs(job_id=self.stack.job_ids[job], active_only=True))

    def switch(self, chunker_mode: str) -> None:
        """Change the mode of the chunker, of its job first, as an upgrade does."""
        create_jobs(self.stack.workspace, replace(self.layout.lake, chunker_mode=chunker_mode))
        airflow = self.stack.airflow
        airflow.environment["AIRFLOW__TRANSACTION_PATTERNS__CHUNKER_MODE"] = chunker_mode
        airflow.stop()
        scheduled = {"run": "chunk_transactions", "follow": "supervise_chunker"}[chunker_mode]
        self.wait(lambda: self._has_schedule(scheduled))

    def _has_schedule(self, dag_id: str) -> bool:
        try:
            return bool(self.airflow("GET", f"/dags/{dag_id}")["timetable_summary"] != "None")
        except httpx.HTTPError:
            # It is restarting.
            return False

    def job_processes(self, job: str) -> list[psutil.Process]:
        """Return the processes of a job's only live run, such as the detector's JVM and Python workers."""
        [run] = self.live_runs(job)
        server = psutil.Process(self.stack.databricks.process.pid)
        groups = {process.pid for process in server.children(recursive=True) if self._writes_to(process, run)}
        assert groups, run
        return [process for process in server.children(recursive=True) if _group(process) in groups]

    def _writes_to(self, process: psutil.Process, run: jobs.BaseRun) -> bool:
        task = self.stack.workspace.jobs.get_run(run.run_id or 0).tasks
        assert task
        log = Path(f"/proc/{process.pid}/fd/1")
        return log.exists() and log.resolve().name == f"{task[0].run_id}.log" and _group(process) == process.pid

    def airflow(self, method: str, path: str, **body: Any) -> Any:
        """Call Airflow's REST API."""
        with self.stack.airflow.client() as client:
            return client.request(method, path, json=body or None).raise_for_status().json()

    def latest_task(self, state: str) -> dict[str, Any] | None:
        """Return the newest task instance of `land_chunks` in a state, if any."""
        # Without the state, runs that had nothing to land would fill the page.
        query = f"task_id=land_chunks&state={state}&order_by=-start_date&limit=1"
        found = self.airflow("GET", f"/dags/chunk_transactions/dagRuns/~/taskInstances?{query}")["task_instances"]
        return next(iter(found), None)

    def knows_its_run(self, task: dict[str, Any]) -> bool:
        """Return whether a task of Airflow has stored the id of the Databricks run that it started."""
        path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/xcomEntries"
        return any(entry["key"] == "run_page_url" for entry in self.airflow("GET", path)["xcom_entries"])

    def task_process(self, task: dict[str, Any]) -> psutil.Process:
        """Return the process that runs a task of Airflow."""
        return psutil.Process(task["pid"])

    def assert_lines_are_landed_once_each_in_order(self) -> None:
        lines: list[int] = []
        for key in self.pipeline.keys(f"{LANDING_ZONE}/"):
            lines += [int(row.split(b",", 1)[0]) for row in self.pipeline.read(key).splitlines()[1:]]
        assert self.pipeline.name == LAKE_KEY
        assert lines == list(range(self.rows))


@contextmanager
def seen_command_lines() -> Iterator[set[str]]:
    """Yield a set that collects the command lines of all processes on the machine."""
    seen: set[str] = set()
    polls: dict[int, int] = {}

    def poll() -> None:
        nonlocal polls
        polls = {process_id: polls.get(process_id, 0) + 1 for process_id in psutil.pids()}
        for process_id, times in polls.items():
            # Twice, because at the first poll the process may not have called exec yet.
            if times <= 2:
                with suppress(psutil.Error):
                    seen.add(" ".join(psutil.Process(process_id).cmdline()))

    with polling(poll):
        yield seen


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0
