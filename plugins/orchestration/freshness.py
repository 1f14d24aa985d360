"""Whether the data is fresh: found in the data itself, so that it also tells of an Airflow that stands still."""

from dataclasses import dataclass

from orchestration.alerts import Alert, Severity
from orchestration.settings import Levels, Settings


@dataclass(frozen=True)
class Freshness:
    """What was measured, ages in seconds.

    Attributes:
        landing_age: of the oldest transaction that is not landed, at most; 0 where all are.
        commit_age: of the oldest landed chunk that is not committed; 0 where all are.
        quarantine_share: of the latest lines, 0 to 1.
        waiting: detections that wait for their file.
    """

    landing_age: float
    commit_age: float
    quarantine_share: float
    waiting: int


def judge(measured: Freshness, settings: Settings) -> list[Alert]:
    """Return an alert for each value that is beyond its levels."""
    found = [
        _alert(
            "landing-late",
            measured.landing_age,
            settings.landing_age_seconds,
            f"a transaction has waited up to {measured.landing_age:.0f} s to be landed; see chunk_transactions",
        ),
        _alert(
            "commit-late",
            measured.commit_age,
            settings.commit_age_seconds,
            f"a landed chunk has waited {measured.commit_age:.0f} s for the detector; see supervise_detector",
        ),
        _alert(
            "quarantine",
            measured.quarantine_share,
            settings.quarantine_share,
            f"{measured.quarantine_share:.1%} of the latest lines are in quarantine; look at the reasons there",
        ),
        _alert(
            "detections-waiting",
            measured.waiting,
            settings.detections_waiting,
            f"{measured.waiting} detections wait for their file; see the detector's log",
        ),
    ]
    return [alert for alert in found if alert]


def _alert(key: str, value: float, levels: Levels, message: str) -> Alert | None:
    if value > levels.critical:
        return Alert(key, Severity.CRITICAL, message)
    return Alert(key, Severity.WARNING, message) if value > levels.warning else None
