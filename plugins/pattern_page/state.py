"""The page's polling payload: small, and cached for everyone who polls within the same second."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from orchestration.dag_ids import SUPERVISOR_DAG
from orchestration.judge import DagStatus, Level, Verdict, assess, judge_chunker, judge_detector
from pattern_page import series
from pattern_page.detection_table import Detections
from pattern_page.poller import Polled
from pattern_page.snapshots import DagSnapshot, JobSnapshot, LakeSnapshot, Snapshot, TablesSnapshot
from pattern_page.viewer import no_customers
from spark_jobs.lake.detection_files import ROWS_PER_FILE
from spark_jobs.lake.heartbeat import Heartbeat

_RATE_WINDOW_SECONDS = 300
# Nobody has watched since; such a read does not tell how things are now.
_OUTDATED_SECONDS = 15
_HIDDEN_REASON = "The reason is hidden from you, because it may quote a customer's line."


class StateCache:
    """The newest payload for each time span and set of visible DAGs."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._cached: dict[tuple[str, frozenset[str]], tuple[object, bytes, str]] = {}

    def get(self, span: str, snapshot: Snapshot, visible_dags: frozenset[str]) -> tuple[bytes, str]:
        """Return the payload as JSON and its ETag, which stays the same if only the time has changed."""
        now = self._now()
        polled = (snapshot.lake, snapshot.tables, snapshot.dags, snapshot.jobs)
        key = (int(now.timestamp()), *((one.version, one.error) for one in polled))
        cached = self._cached.get((span, visible_dags))
        if cached is None or cached[0] != key:
            payload = state_payload(now, span, snapshot, visible_dags)
            etag = f'"{hashlib.sha256(json.dumps(payload).encode()).hexdigest()[:16]}"'
            times = {"now": now.timestamp(), "read_at": _timestamp(snapshot.lake.read_at)}
            body = json.dumps({**times, **payload}, allow_nan=False, separators=(",", ":")).encode()
            cached = (key, body, etag)
            self._cached[span, visible_dags] = cached
        return cached[1], cached[2]


def state_payload(now: datetime, span: str, snapshot: Snapshot, visible_dags: frozenset[str]) -> dict[str, Any]:
    """Build the polling payload from what the user may see.

    Args:
        span: a key of `series.SPANS`.
        visible_dags: DAGs whose runs the user may see; those of all DAGs are needed for texts of customers.
    """
    lake, tables = snapshot.lake.value, snapshot.tables.value
    dags = [dag for dag in snapshot.dags.value or () if dag.dag_id in visible_dags]
    loading = _is_outdated(snapshot.lake, now)
    detections = tables.detections if tables else Detections()
    steps = series.grid(series.SPANS[span], now, _first_shown(lake, detections))
    hidden = no_customers(visible_dags)
    return {
        "span": span,
        "loading": loading,
        "hidden": hidden,
        "problems": _problems(snapshot, now, show_reasons=not hidden),
        "chunker": _chunker(snapshot, loading, visible_dags),
        "detector": _detector(snapshot.lake, loading, visible_dags),
        "lake": _lake(lake, show_lines=not hidden) if lake else None,
        "found": _found(detections, tables) if tables else None,
        "rules": _rules(lake.observation.heartbeat) if lake else None,
        "plots": {
            "start": steps.start,
            "step": steps.step,
            **_history(lake, steps),
            "detections": series.detections(detections.times, detections.codes, detections.patterns, steps),
        },
        "dags": [_dag(dag) for dag in dags],
        "jobs": [_job(job) for job in snapshot.jobs.value or () if job.dag_id in visible_dags],
    }


def chunks_per_minute(landing_times: tuple[datetime, ...], now: datetime, window_seconds: float) -> float:
    """Return the mean number of chunks landed per minute over the window that ends now."""
    within = sum(0 <= (now - at).total_seconds() < window_seconds for at in landing_times)
    return within / (window_seconds / 60)


def _problems(snapshot: Snapshot, now: datetime, *, show_reasons: bool) -> list[dict[str, Any]]:
    sources: Mapping[str, Polled[Any]] = {
        "The lake cannot be read": snapshot.lake,
        "Detections and merchants cannot be read": snapshot.tables,
        "Airflow's runs cannot be read": snapshot.dags,
        "Databricks' runs cannot be read": snapshot.jobs,
    }
    problems = [
        # Parsers quote what they cannot parse.
        _problem(title, polled.error if show_reasons else _HIDDEN_REASON, polled.failing_since)
        for title, polled in sources.items()
        if polled.error and not _is_outdated(polled, now)
    ]
    lake, tables = snapshot.lake.value, snapshot.tables.value
    if lake and lake.history_error:
        problems.append(_problem("There are no plots of lag and throughput", lake.history_error))
    if lake and (heartbeat := lake.observation.heartbeat) and heartbeat.refused_rules_reason:
        problems.append(_problem("The newest rules are not in force", heartbeat.refused_rules_reason))
    if tables and tables.refused:
        problems.append(_problem("The state was written by another release", tables.refused))
    return problems


def _problem(title: str, reason: str, since: datetime | None = None) -> dict[str, Any]:
    return {"title": title, "reason": reason, "since": _timestamp(since)}


def _is_outdated(polled: Polled[Any], now: datetime) -> bool:
    return polled.tried_at is None or (now - polled.tried_at).total_seconds() > _OUTDATED_SECONDS


def _chunker(snapshot: Snapshot, loading: bool, visible_dags: frozenset[str]) -> dict[str, str]:
    dag_id, lake = snapshot.chunker_dag, snapshot.lake
    if dag_id not in visible_dags:
        return _hidden(dag_id)
    if lake.value is None or lake.error or loading:
        return _unknown(loading)
    known = (dag.status for dag in snapshot.dags.value or () if dag.dag_id == dag_id)
    status = next(known, DagStatus(dag_id))
    return _verdict(judge_chunker(lake.value.observation, lake.value.settings, status))


def _detector(lake: Polled[LakeSnapshot], loading: bool, visible_dags: frozenset[str]) -> dict[str, str]:
    if SUPERVISOR_DAG not in visible_dags:
        return _hidden(SUPERVISOR_DAG)
    if lake.value is None or lake.error or loading:
        return _unknown(loading)
    return _verdict(judge_detector(lake.value.observation, lake.value.settings))


def _hidden(dag_id: str) -> dict[str, str]:
    return _verdict(Verdict(Level.UNKNOWN, f"Hidden: you may not read the DAG {dag_id}."))


def _unknown(loading: bool) -> dict[str, str]:
    return _verdict(Verdict(Level.UNKNOWN, "Reading the lake …" if loading else "Unknown: the lake cannot be read."))


def _verdict(verdict: Verdict) -> dict[str, str]:
    return {"level": verdict.level.value, "reason": verdict.reason}


def _lake(lake: LakeSnapshot, *, show_lines: bool) -> dict[str, Any]:
    seen, times = lake.observation, lake.landing_times
    assessment = assess(seen, lake.settings)
    return {
        "url": lake.settings.lake,
        "source": lake.settings.source,
        "source_bytes": seen.source_size,
        "landed_bytes": seen.offset.next_byte if seen.offset else 0,
        "landed_line": seen.landed_line if not seen.offset_error else None,
        "committed_line": seen.committed_line if not seen.heartbeat_error else None,
        "lag_lines": max(0, seen.landed_line - seen.committed_line) if seen.heartbeat else None,
        "lag_seconds": round(assessment.commit.value, 1) if seen.heartbeat else None,
        "chunks_per_minute": chunks_per_minute(times, seen.at, _RATE_WINDOW_SECONDS) if times is not None else None,
        "quarantine": {
            "level": assessment.quarantine.level.value,
            "lines": seen.quarantined,
            "of": seen.window,
            "share": assessment.quarantine.value,
            "capped": lake.quarantine_capped,
            "latest": [asdict(line) for line in seen.latest_quarantined] if show_lines else [],
        },
    }


def _found(detections: Detections, tables: TablesSnapshot) -> dict[str, Any]:
    total = len(detections)
    return {
        "version": tables.version,
        "total": total,
        "by_pattern": detections.counts(),
        "first": detections.first,
        "patterns": [
            {"id": name, "action": action} for name, action in zip(detections.patterns, detections.actions, strict=True)
        ],
        "files": total // ROWS_PER_FILE,
        "in_next_file": total % ROWS_PER_FILE,
        "rows_per_file": ROWS_PER_FILE,
        "merchants": tables.merchants.num_rows,
        "merchants_capped": tables.merchants_capped,
        "shadow": tables.shadow.summary(),
        "shadow_capped": tables.shadow.capped,
    }


def _rules(heartbeat: Heartbeat | None) -> dict[str, Any] | None:
    if heartbeat is None:
        return None
    return {
        "version": heartbeat.rules_version,
        "from_line": heartbeat.rules_from_line,
        "refused_version": heartbeat.refused_rules_version,
        "refused_reason": heartbeat.refused_rules_reason,
    }


def _history(lake: LakeSnapshot | None, steps: series.Grid) -> dict[str, Any]:
    samples = lake.history if lake else ()
    landed, committed = series.throughput(samples, steps)
    return {"lag_seconds": series.lag_seconds(samples, steps), "landed": landed, "committed": committed}


def _first_shown(lake: LakeSnapshot | None, detections: Detections) -> float | None:
    """Return the time of the oldest value that a plot could show, None if there is none."""
    times = [sample.minute * 60.0 for sample in (lake.history if lake else ())[:1]]
    if len(detections.times):
        times.append(float(detections.times.min()))
    return min(times, default=None)


def _dag(dag: DagSnapshot) -> dict[str, Any]:
    runs = [
        {
            "id": run.run_id,
            "state": run.state,
            "started": _timestamp(run.started_at),
            "ended": _timestamp(run.ended_at),
            "task": run.task_id,
        }
        for run in dag.runs
    ]
    return {"id": dag.dag_id, "paused": dag.paused, "runs": runs}


def _job(job: JobSnapshot) -> dict[str, Any]:
    runs = [
        {"id": run.run_id, "state": run.state, "started": _timestamp(run.started_at), "url": run.url}
        for run in job.runs
    ]
    return {"name": job.name, "error": job.error, "runs": runs}


def _timestamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
