"""Simulated days of the four DAGs in Airflow's database.

The tables and rows per run are those counted in a database that Airflow's scheduler had filled (docs/decisions/0012).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, MetaData, create_engine, func, insert, select, update

from orchestration.prune import DEADLINE_CALLBACK, prune_database

# Of another product in the same Airflow.
FOREIGN_DAG, FOREIGN_CALLBACK = "foreign", "foreign.notify"
# Tasks of each DAG, and the XCom keys that each pushes.
TASKS: dict[str, dict[str, tuple[str, ...]]] = {
    "chunk_transactions": {"watch_offset": ("return_value",), "land_chunks": ("run_id", "run_page_url", "link")},
    "supervise_chunker": {"follow": ()},
    "supervise_detector": {"supervise": ()},
    "watch_freshness": {"watch": ()},
    "maintain": {"maintain_state": (), "prune_database": (), "prune_logs": ()},
    "change_rules": {"what_if": ("run_id",), "describe": ("return_value",)},
    FOREIGN_DAG: {"report": ("return_value",)},
}
RUNS_PER_DAY = {"chunk_transactions": 17_280, "supervise_detector": 1440, "watch_freshness": 1440, "maintain": 1}
_BUNDLE = "dags-folder"
_COMPONENTS = ("SchedulerJob", "TriggererJob", "DagProcessorJob")
# One in this many runs misses its deadline and retries its tasks.
_RUNS_PER_FAILURE = 50
_DAY = timedelta(days=1)
_FIRST_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - as Airflow stores it
_Row = dict[str, Any]


@dataclass(frozen=True)
class Day:
    """Rows of each table after the pruning at the end of a day, and the seconds it took."""

    rows: dict[str, int]
    seconds: float


def simulate_days(url: str, days: int, runs: Mapping[str, int] = RUNS_PER_DAY) -> Iterator[Day]:
    """Write one day after another, pruning all earlier ones after each as the DAG `maintain` does."""
    for number in range(days):
        day = _FIRST_DAY + number * _DAY
        fill_day(url, day, runs)
        began = time.monotonic()
        prune_database(url, day.replace(tzinfo=UTC))
        seconds = time.monotonic() - began
        rows = _rows(url)
        # Each pruning logs itself today, which is not one of these days.
        rows["log"] -= number + 1
        # Rows of Airflow's own components are not this product's to delete.
        rows["log"] -= (number + 1) * len(_COMPONENTS)
        del rows["job"]
        yield Day(rows, seconds)


def grown_tables(days: Sequence[Day]) -> list[str]:
    """Return the tables with more rows after the last day than after the second, the first with a day before it."""
    return [
        f"{name} {days[1].rows[name]} to {rows}" for name, rows in days[-1].rows.items() if rows > days[1].rows[name]
    ]


def fill_day(url: str, day: datetime, runs: Mapping[str, int] = RUNS_PER_DAY) -> None:
    """Write the rows that the finished runs of a day leave behind.

    Args:
        url: SQLAlchemy URL of a database migrated by Airflow.
        day: its start, in UTC without a time zone, as Airflow stores it.
        runs: the number of runs of each DAG, spread over the day.
    """
    with create_engine(url).begin() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for dag_id, number in runs.items():
            version = _deploy(connection, tables, dag_id, day)
            last = connection.scalar(select(func.max(tables.tables["dag_run"].c.id))) or 0
            rows: dict[str, list[_Row]] = {}
            for run, run_id in zip(range(number), count(last + 1), strict=False):
                for table, row in _run(
                    dag_id, run_id, day + run * _DAY / number, version, run % _RUNS_PER_FAILURE == 0
                ):
                    rows.setdefault(table, []).append(row)
            for table, found in rows.items():
                connection.execute(insert(tables.tables[table]), found)
        _restart(connection, tables, day)


def _rows(url: str) -> dict[str, int]:
    with create_engine(url).connect() as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in tables.tables.items()
        }


def _deploy(connection: Connection, tables: MetaData, dag_id: str, day: datetime) -> str:
    """Write the rows of a new version of a DAG; return its id."""
    named = tables.tables
    bundles, dags = named["dag_bundle"], named["dag"]
    if connection.scalar(select(bundles.c.name).where(bundles.c.name == _BUNDLE)) is None:
        connection.execute(insert(bundles).values(name=_BUNDLE, active=True))
    if connection.scalar(select(dags.c.dag_id).where(dags.c.dag_id == dag_id)) is None:
        connection.execute(
            insert(dags).values(
                dag_id=dag_id,
                is_paused=False,
                is_stale=False,
                bundle_name=_BUNDLE,
                timetable_type="cron",
                partition_mapper_info={},
                max_active_tasks=16,
                max_consecutive_failed_dag_runs=0,
                has_task_concurrency_limits=False,
            )
        )
    # The DAG processor parses all files continuously.
    older = (dags.c.dag_id == dag_id) & (func.coalesce(dags.c.last_parsed_time, day) <= day)
    connection.execute(update(dags).where(older).values(last_parsed_time=day + _DAY))
    known = named["dag_version"].c
    number = connection.scalar(select(func.max(known.version_number)).where(known.dag_id == dag_id)) or 0
    version, times = uuid4().hex, {"created_at": day, "last_updated": day}
    for table, row in (
        ("dag_version", {"id": version, "dag_id": dag_id, "version_number": number + 1, "bundle_name": _BUNDLE}),
        ("serialized_dag", {"id": uuid4().hex, "dag_id": dag_id, "dag_version_id": version, "dag_hash": version}),
        (
            "dag_code",
            {
                "id": uuid4().hex,
                "dag_id": dag_id,
                "dag_version_id": version,
                "fileloc": f"{dag_id}.py",
                "source_code": "",
                "source_code_hash": version,
            },
        ),
    ):
        connection.execute(insert(named[table]).values(**row, **times))
    return version


def _run(dag_id: str, run: int, at: datetime, version: str, failed_first: bool) -> Iterator[tuple[str, _Row]]:
    """Yield table and row of everything one run leaves; rows follow those they refer to."""
    run_id, end = f"scheduled__{at.isoformat()}+00:00", at + timedelta(seconds=2)
    times = {"start_date": at, "end_date": end, "updated_at": end}
    key = {"dag_id": dag_id, "run_id": run_id}
    state = {"state": "success", "run_type": "scheduled", "triggered_by": "TIMETABLE"}
    dates = {"logical_date": at, "run_after": at, "created_at": at, "created_dag_version_id": version}
    yield "dag_run", {"id": run, **key, **state, **dates, **times}
    for task, pushed in TASKS[dag_id].items():
        of_task = {**key, "task_id": task, "map_index": -1}
        tried = {**of_task, **times, "pool": "default_pool", "pool_slots": 1, "dag_version_id": version}
        yield "task_instance", {"id": uuid4().hex, **tried, "try_number": 1, "state": "success"}
        yield "rendered_task_instance_fields", {**of_task, "rendered_fields": {}}
        for name in pushed:
            yield "xcom", {"dag_run_id": run, **of_task, "key": name, "value": run, "timestamp": at}
        if task == "land_chunks":
            kept = {"key": "databricks_run_now_id", "value": "1", "updated_at": at, "expires_at": at + 30 * _DAY}
            yield "task_state_store", {"dag_run_id": run, **of_task, **kept}
        for event in ("running", "success"):
            yield "log", {"dttm": at, **of_task, "event": event, "logical_date": at, "owner": "transaction-patterns"}
        if failed_first:
            yield "task_instance_history", {"task_instance_id": uuid4().hex, **tried, "try_number": 1}
    if failed_first:
        path = FOREIGN_CALLBACK if dag_id == FOREIGN_DAG else DEADLINE_CALLBACK
        # As Airflow serializes a dict.
        data = {"__type": "dict", "__var": {"path": path, "dag_id": dag_id}}
        callback = {"id": uuid4().hex, "type": "triggerer", "fetch_method": "import_path", "data": data}
        yield "callback", {**callback, "state": "success", "priority_weight": 1, "created_at": at}
        due = {"deadline_time": at + timedelta(minutes=5), "missed": True, "created_at": at, "last_updated_at": end}
        yield "deadline", {"id": uuid4().hex, "dagrun_id": run, "callback_id": callback["id"], **due}


def _restart(connection: Connection, tables: MetaData, day: datetime) -> None:
    """Write the rows of a daily restart of Airflow."""
    for job in _COMPONENTS:
        times = {"start_date": day, "end_date": day + _DAY, "latest_heartbeat": day + _DAY}
        connection.execute(insert(tables.tables["job"]).values(job_type=job, state="success", **times))
        connection.execute(insert(tables.tables["log"]).values(dttm=day, event=f"cli_{job.lower()}"))
