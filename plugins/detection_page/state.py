"""The one object that the page polls: small, and the same for all who look in the same second."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from detection_page import series
from detection_page.detections import Detections, actions
from detection_page.facts import DagFacts, JobFacts, LakeFacts
from detection_page.health import (
    CHUNKER_DAG,
    Level,
    Verdict,
    chunks_per_minute,
    judge_chunker,
    judge_detector,
    lag_seconds,
    quarantine_share,
)
from detection_page.tables import TableFacts
from detection_page.watched import Seen
from spark_jobs.lake.detection_files import ROWS_PER_FILE

_CHUNK_WINDOW_SECONDS = 300
# What was read longer ago, when somebody looked last, says nothing of now.
_OLD_SECONDS = 15


@dataclass(frozen=True)
class Sight:
    """What was read last of everything."""

    lake: Seen[LakeFacts]
    tables: Seen[TableFacts]
    dags: Seen[tuple[DagFacts, ...]]
    jobs: Seen[tuple[JobFacts, ...]]


def state_view(now: datetime, span: str, sight: Sight, visible_dags: Collection[str]) -> dict[str, Any]:
    """Return all that changes by itself.

    Args:
        span: one of `series.SPANS`.
        visible_dags: of which the one who looks may see the runs.
    """
    facts, found = sight.lake.value, sight.tables.value
    dags = sight.dags.value or ()
    loading = _is_old(sight.lake, now)
    steps = series.grid(series.SPANS[span], now)
    detections = found.detections if found else Detections()
    return {
        "span": span,
        "loading": loading,
        "problems": _problems(sight, now),
        **_jobs(sight.lake, loading, next((dag for dag in dags if dag.dag_id == CHUNKER_DAG), None)),
        "lake": _lake(facts) if facts else None,
        "found": _found(detections, found) if found else None,
        "plots": {
            "start": steps.start,
            "step": steps.step,
            **_history(facts, steps),
            "detections": series.detections(detections.times, detections.codes, detections.patterns, steps),
        },
        "dags": [_dag(dag) for dag in dags if dag.dag_id in visible_dags],
        "jobs": [_job(job) for job in sight.jobs.value or ()],
    }


def _problems(sight: Sight, now: datetime) -> list[dict[str, Any]]:
    problems = [
        _problem("The lake cannot be read", sight.lake, now),
        _problem("Detections and merchants cannot be read", sight.tables, now),
        _problem("Airflow's runs cannot be read", sight.dags, now),
        _problem("Databricks cannot be asked for runs", sight.jobs, now),
    ]
    facts, found = sight.lake.value, sight.tables.value
    if facts and facts.history_error:
        problems.append({"what": "There are no plots of lag and throughput", "why": facts.history_error, "since": None})
    if found and found.refused:
        problems.append({"what": "The state is of another version", "why": found.refused, "since": None})
    return [problem for problem in problems if problem]


def _problem(what: str, seen: Seen[Any], now: datetime) -> dict[str, Any] | None:
    if not seen.error or _is_old(seen, now):
        return None
    since = seen.failing_since.timestamp() if seen.failing_since else None
    return {"what": what, "why": seen.error, "since": since}


def _is_old(seen: Seen[Any], now: datetime) -> bool:
    return seen.tried_at is None or (now - seen.tried_at).total_seconds() > _OLD_SECONDS


def _jobs(lake: Seen[LakeFacts], loading: bool, chunker_dag: DagFacts | None) -> dict[str, Any]:
    if lake.value is None or lake.error or loading:
        why = "Reading the lake …" if loading else "Not known: the lake cannot be read."
        unknown = _verdict(Verdict(Level.UNKNOWN, why))
        return {"chunker": unknown, "detector": unknown}
    return {
        "chunker": _verdict(judge_chunker(lake.value, chunker_dag)),
        "detector": _verdict(judge_detector(lake.value)),
    }


def _verdict(verdict: Verdict) -> dict[str, str]:
    return {"level": verdict.level.value, "why": verdict.why}


def _lake(facts: LakeFacts) -> dict[str, Any]:
    share, level = quarantine_share(facts)
    rate = None
    if facts.landed_at is not None:
        rate = chunks_per_minute(facts.landed_at, facts.read_at, _CHUNK_WINDOW_SECONDS)
    return {
        "url": facts.settings.lake,
        "source": facts.settings.source,
        "source_bytes": facts.source_size,
        "landed_bytes": facts.offset.next_byte if facts.offset else 0,
        "landed_line": facts.landed_line if not facts.offset_error else None,
        "landed_at": facts.offset.updated_at if facts.offset else None,
        "committed_line": facts.committed_line if not facts.heartbeat_error else None,
        "lag_lines": max(0, facts.landed_line - facts.committed_line) if facts.heartbeat else None,
        "lag_seconds": round(lag_seconds(facts), 1) if facts.heartbeat else None,
        "chunks_per_minute": rate,
        "quarantine": {
            "level": level.value,
            "lines": facts.quarantined,
            "of": facts.quarantine_window,
            "share": share,
            "latest": [asdict(line) for line in facts.latest_quarantined],
        },
    }


def _found(detections: Detections, found: TableFacts) -> dict[str, Any]:
    total = len(detections)
    return {
        "version": found.version,
        "total": total,
        "by_pattern": detections.counts(),
        "patterns": actions(detections.patterns),
        "files": total // ROWS_PER_FILE,
        "in_next_file": total % ROWS_PER_FILE,
        "rows_a_file": ROWS_PER_FILE,
        "merchants": found.merchants.num_rows,
    }


def _history(facts: LakeFacts | None, steps: series.Grid) -> dict[str, Any]:
    samples = facts.history if facts else ()
    seconds, lines = series.lag(samples, steps)
    landed, committed = series.throughput(samples, steps)
    return {"lag_seconds": seconds, "lag_lines": lines, "landed": landed, "committed": committed}


def _dag(dag: DagFacts) -> dict[str, Any]:
    return {
        "id": dag.dag_id,
        "paused": dag.paused,
        "runs": [
            {
                "id": run.run_id,
                "state": run.state,
                "started": run.started_at.timestamp() if run.started_at else None,
                "ended": run.ended_at.timestamp() if run.ended_at else None,
                "task": run.task_id,
            }
            for run in dag.runs
        ],
    }


def _job(job: JobFacts) -> dict[str, Any]:
    runs = [
        {"id": run.run_id, "state": run.state, "started": run.started_at.timestamp(), "url": run.url}
        for run in job.runs
    ]
    return {"name": job.name, "error": job.error, "runs": runs}
