"""Green, late or down, and why: pure decisions over what was read."""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from detection_page.facts import DagFacts, LakeFacts
from orchestration.settings import Levels

CHUNKER_DAG = "chunk_transactions"


class Level(Enum):
    """How it is. IDLE has nothing to do yet, UNKNOWN cannot be seen."""

    OK = "ok"
    LATE = "late"
    DOWN = "down"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """How it is, and why, in one sentence for people."""

    level: Level
    why: str


def judge_chunker(facts: LakeFacts, dag: DagFacts | None) -> Verdict:
    """Return how the chunker is; its levels are the setting `landing_age_seconds`.

    Args:
        facts: ages count from when they were read, so that a storage that does not answer makes nobody late.
        dag: the one that starts it, None where it is not known.
    """
    if facts.offset_error:
        return Verdict(Level.DOWN, facts.offset_error)
    if facts.source_size is None:
        source = facts.settings.source
        if facts.offset is None:
            return Verdict(Level.IDLE, f"There is no master file yet: upload {source}.")
        return Verdict(Level.DOWN, f"The master file {source} is gone; restore it.")
    if facts.offset and facts.source_size < facts.offset.source_size:
        return Verdict(
            Level.DOWN,
            f"The master file became shorter: {facts.source_size:,} bytes, it had {facts.offset.source_size:,}."
            " Restore it; nothing is landed until then.",
        )
    if facts.behind_since is None:
        if dag and dag.paused:
            return Verdict(Level.LATE, f"The DAG {CHUNKER_DAG} is paused: new lines will not be landed.")
        return Verdict(Level.OK, "Every finished line of the master file is landed.")
    age = _seconds(facts.behind_since, facts.read_at)
    level = _level(age, facts.settings.landing_age_seconds)
    if dag and dag.paused:
        level = Level.DOWN if level is Level.DOWN else Level.LATE
        return Verdict(level, f"The DAG {CHUNKER_DAG} is paused, and lines have waited for {duration(age)}.")
    if level is Level.OK:
        return Verdict(Level.OK, "Landing new lines.")
    hint = _last_run(dag)
    return Verdict(level, f"Lines of the master file have waited to be landed for {duration(age)}.{hint}")


def judge_detector(facts: LakeFacts) -> Verdict:
    """Return how the detector is; levels are `heartbeat_seconds`, `start_seconds` and `commit_age_seconds`."""
    if facts.heartbeat_error:
        return Verdict(Level.DOWN, facts.heartbeat_error)
    waited = _seconds(facts.uncommitted_since, facts.read_at) if facts.uncommitted_since else 0.0
    beat = facts.heartbeat
    if beat is None:
        if facts.landed_line == 0:
            return Verdict(Level.IDLE, "Nothing is landed yet, and the detector has not been heard of.")
        if waited <= facts.settings.start_seconds:
            return Verdict(Level.IDLE, "The first lines are landed; the detector has not been heard of yet.")
        return Verdict(
            Level.DOWN, f"The detector has never been heard of; landed lines have waited {duration(waited)}."
        )
    silence = _seconds(beat.updated_at, facts.read_at)
    if silence > facts.settings.heartbeat_seconds:
        return Verdict(Level.DOWN, f"Its last heartbeat is {duration(silence)} old.")
    level = _level(waited, facts.settings.commit_age_seconds)
    if level is Level.OK:
        up = duration(_seconds(beat.started_at, facts.read_at), units=1)
        return Verdict(Level.OK, f"Up for {up}, {'catching up' if waited else 'all landed lines are committed'}.")
    return Verdict(
        level, f"A landed chunk has waited for {duration(waited)}; the committed line is {beat.committed_line:,}."
    )


def lag_seconds(facts: LakeFacts) -> float:
    """Return how long the oldest landed line that is not committed has waited, 0 where all are."""
    return _seconds(facts.uncommitted_since, facts.read_at) if facts.uncommitted_since else 0.0


def quarantine_share(facts: LakeFacts) -> tuple[float, Level]:
    """Return the share of quarantined lines among the latest, and how bad it is."""
    share = facts.quarantined / facts.quarantine_window if facts.quarantine_window else 0.0
    return share, _level(share, facts.settings.quarantine_share)


def chunks_per_minute(landed_at: tuple[datetime, ...], now: datetime, window_seconds: float) -> float:
    """Return how many chunks were landed a minute over the window that ends now."""
    within = sum(0 <= (now - at).total_seconds() < window_seconds for at in landed_at)
    return within / (window_seconds / 60)


def duration(seconds: float, units: int = 2) -> str:
    """Return a duration for people: its greatest units, at most two."""
    whole = max(0, math.floor(seconds))
    for size, unit, smaller_size, smaller in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit} {rest} {smaller}" if rest and units > 1 else f"{whole // size} {unit}"
    return f"{whole} s"


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start).total_seconds())


def _level(value: float, levels: Levels) -> Level:
    if value > levels.critical:
        return Level.DOWN
    return Level.LATE if value > levels.warning else Level.OK


def _last_run(dag: DagFacts | None) -> str:
    if dag is None:
        return f" Airflow has no DAG {CHUNKER_DAG}."
    if not dag.runs:
        return f" {CHUNKER_DAG} has not run yet."
    return f" The last run of {CHUNKER_DAG}: {dag.runs[0].state}."
