"""Verdicts on freshness and health from one observation of the lake; alerts, supervisor and page all go by them.

They go by the data, not by the states of tasks, so that tasks that succeed without effect are noticed, too. If the
scheduler is dead, only the page still judges; that is for an alarm outside Airflow to notice. Ages count from the time
of the observation, so that storage that does not answer makes nothing late.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.observe import Observation
    from orchestration.settings import Levels, Settings

_MANY_WITHOUT_GENDER = 10


class Level(Enum):
    """How well something does; IDLE has nothing to do yet, UNKNOWN cannot be observed."""

    OK = "ok"
    LATE = "late"
    DOWN = "down"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """A level, and the reason in one sentence."""

    level: Level
    reason: str


@dataclass(frozen=True)
class Measure:
    """A measured value and its level: OK, LATE above the warning level, DOWN above the critical one."""

    value: float
    level: Level


@dataclass(frozen=True)
class Assessment:
    """What the settings have levels for.

    Attributes:
        landing: seconds that the oldest line has waited to be landed, at most.
        commit: seconds that the oldest landed chunk has waited to be committed.
        silence: seconds since the detector's last heartbeat, 0 before the first.
        quarantine: share of the latest lines that are quarantined, 0 to 1.
        waiting: detections that wait for their file.
        without_gender: transactions in the latest chunks without any known gender; few may be a coincidence.
        refused_rules: why the newest rules are not in force, "" if they are.
    """

    landing: Measure
    commit: Measure
    silence: Measure
    quarantine: Measure
    waiting: Measure
    without_gender: Measure
    refused_rules: str


@dataclass(frozen=True)
class DagStatus:
    """The DAG that keeps landing going.

    Attributes:
        known: whether Airflow has it.
        last_run: the state of its last run, "" before the first.
    """

    dag_id: str
    known: bool = False
    paused: bool = False
    last_run: str = ""


def assess(seen: "Observation", settings: "Settings") -> Assessment:
    """Return all measures of an observation."""
    beat = seen.heartbeat
    silence = _age(beat.updated_at, seen.at) if beat else 0.0
    without_gender = beat.transactions_without_gender if beat else 0
    return Assessment(
        landing=_measure(_age(seen.unlanded_since, seen.at), settings.landing_age_seconds),
        commit=_measure(_age(seen.uncommitted_since, seen.at), settings.commit_age_seconds),
        silence=Measure(silence, Level.DOWN if silence > settings.heartbeat_seconds else Level.OK),
        quarantine=_measure(seen.quarantined / seen.window if seen.window else 0.0, settings.quarantine_share),
        waiting=_measure(beat.waiting if beat else 0, settings.detections_waiting),
        without_gender=Measure(without_gender, Level.LATE if without_gender >= _MANY_WITHOUT_GENDER else Level.OK),
        refused_rules=beat.refused_rules_reason if beat else "",
    )


def find_stall(seen: "Observation", settings: "Settings", started_at: datetime) -> str | None:
    """Return why a detector run must be restarted, or None if it is fine or still within `start_seconds`."""
    if _age(started_at, seen.at) < settings.start_seconds:
        return None
    if seen.heartbeat is None:
        return f"no heartbeat {settings.start_seconds:.0f} s after its start"
    assessment = assess(seen, settings)
    if assessment.silence.level is Level.DOWN:
        return f"its last heartbeat is {assessment.silence.value:.0f} s old"
    if assessment.commit.value > settings.stuck_seconds:
        waited = f"a chunk has waited {assessment.commit.value:.0f} s"
        return f"{waited}, and the committed line stays at {seen.committed_line}"
    return None


def find_chunker_stall(seen: "Observation", settings: "Settings", started_at: datetime) -> str | None:
    """Return why a run of the chunker that follows must be replaced, or None if it is fine or may still be starting.

    A backlog alone is no reason: while `offset.csv` advances, the run is landing it.
    """
    waited, moved = assess(seen, settings).landing.value, _age(seen.offset_written_at or started_at, seen.at)
    if min(_age(started_at, seen.at) - settings.start_seconds, waited, moved) <= settings.stuck_seconds:
        return None
    return f"lines have waited {waited:.0f} s, and the landed line stays at {seen.landed_line}"


def judge_chunker(seen: "Observation", settings: "Settings", dag: DagStatus) -> Verdict:
    """Return the verdict on the chunker."""
    if seen.offset_error:
        return Verdict(Level.DOWN, str(seen.offset_error))
    if seen.source_size is None:
        if seen.offset is None:
            return Verdict(Level.IDLE, f"There is no master file yet; upload {settings.source}.")
        return Verdict(Level.DOWN, f"The master file {settings.source} is gone; restore it.")
    if seen.offset and seen.source_size < seen.offset.source_size:
        sizes = f"{seen.source_size:,} bytes, {seen.offset.source_size:,} before"
        return Verdict(Level.DOWN, f"The master file shrank: {sizes}. Nothing is landed until it is restored.")
    if seen.unlanded_since is None:
        if dag.paused:
            return Verdict(Level.LATE, f"The DAG {dag.dag_id} is paused: new lines will not be landed.")
        return Verdict(Level.OK, "Every finished line of the master file is landed.")
    landing = assess(seen, settings).landing
    waited = format_duration(landing.value)
    if dag.paused:
        level = Level.DOWN if landing.level is Level.DOWN else Level.LATE
        return Verdict(level, f"The DAG {dag.dag_id} is paused, and lines have waited for {waited}.")
    if landing.level is Level.OK:
        return Verdict(Level.OK, "Landing new lines.")
    return Verdict(landing.level, f"Lines of the master file have waited {waited} to be landed. {_last_run(dag)}")


def judge_detector(seen: "Observation", settings: "Settings") -> Verdict:
    """Return the verdict on the detector."""
    if seen.heartbeat_error:
        return Verdict(Level.DOWN, str(seen.heartbeat_error))
    assessment = assess(seen, settings)
    waited = format_duration(assessment.commit.value)
    if seen.heartbeat is None:
        if seen.landed_line == 0:
            return Verdict(Level.IDLE, "Nothing is landed yet, and the detector has not started.")
        if assessment.commit.value <= settings.start_seconds:
            return Verdict(Level.IDLE, "The first lines are landed; the detector has not started yet.")
        return Verdict(Level.DOWN, f"The detector has never started; landed lines have waited for {waited}.")
    if assessment.silence.level is Level.DOWN:
        return Verdict(Level.DOWN, f"Its last heartbeat is {format_duration(assessment.silence.value)} old.")
    if assessment.commit.level is Level.OK:
        up = format_duration(_age(seen.heartbeat.started_at, seen.at), units=1)
        doing = "catching up" if assessment.commit.value else "all landed lines are committed"
        return Verdict(Level.OK, f"Up for {up}, {doing}.")
    reason = f"A landed chunk has waited for {waited}; the committed line is {seen.committed_line:,}."
    return Verdict(assessment.commit.level, reason)


def format_duration(seconds: float, units: int = 2) -> str:
    """Return a duration in its one or two greatest units, such as `1 h 5 min`."""
    whole = max(0, math.floor(seconds))
    for size, unit, smaller_size, smaller in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit} {rest} {smaller}" if rest and units > 1 else f"{whole // size} {unit}"
    return f"{whole} s"


def _measure(value: float, levels: "Levels") -> Measure:
    if value > levels.critical:
        return Measure(value, Level.DOWN)
    return Measure(value, Level.LATE if value > levels.warning else Level.OK)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _last_run(dag: DagStatus) -> str:
    if not dag.known:
        return f"Airflow has no DAG {dag.dag_id}."
    if not dag.last_run:
        return f"{dag.dag_id} has not run yet."
    return f"The last run of {dag.dag_id}: {dag.last_run}."
