"""Alerts: each is sent once when it begins, when its severity changes, and when it is resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from orchestration.judge import Assessment, Level, Measure

RUNBOOK = "docs/runbook.md"
# Sections of the runbook for messages that are not alerts with a key.
TASK_FAILED = "task-failed"
RUN_LATE = "run-late"


class Severity(Enum):
    """The severity of an alert."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Alert:
    """A condition that holds now; `key` stays the same while it holds, and names its section of the runbook."""

    key: str
    severity: Severity
    message: str


def freshness_alerts(assessment: Assessment) -> list[Alert]:
    """Return an alert for each measure that is above one of its levels."""
    landing, commit = assessment.landing, assessment.commit
    quarantine, waiting = assessment.quarantine, assessment.waiting
    late = f"a transaction has waited up to {landing.value:.0f} s to be landed; see chunk_transactions"
    uncommitted = f"a landed chunk has waited {commit.value:.0f} s for the detector; see supervise_detector"
    bad = f"{quarantine.value:.1%} of the latest lines are quarantined; see the reasons there"
    unwritten = f"{waiting.value:.0f} detections wait for their file; see the detector's log"
    unknown = f"none of the latest {assessment.without_gender.value:.0f} transactions has the gender F or M"
    found = [
        _alert("landing-late", landing, late),
        _alert("commit-late", commit, uncommitted),
        _alert("quarantine", quarantine, bad),
        _alert("detections-waiting", waiting, unwritten),
        _alert("gender-unknown", assessment.without_gender, f"{unknown}; see the column gender of the master file"),
    ]
    return [alert for alert in found if alert]


def _alert(key: str, measure: Measure, message: str) -> Alert | None:
    severity = {Level.LATE: Severity.WARNING, Level.DOWN: Severity.CRITICAL}.get(measure.level)
    return Alert(key, severity, message) if severity else None


def notifications(notified: Mapping[str, str], alerts: Iterable[Alert]) -> tuple[list[str], dict[str, str]]:
    """Return the messages to send now, and what people have been notified of afterwards.

    Args:
        notified: severity by key of the alerts that were sent and are not resolved.
        alerts: the alerts that hold now.
    """
    now = {alert.key: alert for alert in alerts}
    texts = [
        f"{alert.severity.value.upper()} {key}: {alert.message}; {runbook_section(key)}"
        for key, alert in now.items()
        if notified.get(key) != alert.severity.value
    ]
    texts += [f"RESOLVED {key}" for key in notified if key not in now]
    return texts, {key: alert.severity.value for key, alert in now.items()}


def runbook_section(name: str) -> str:
    """Return the place of a section of the runbook in the repository."""
    return f"{RUNBOOK}#{name}"
