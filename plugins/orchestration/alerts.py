"""Alerts: each is sent once when it begins, when its severity changes, and when it is resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Self

from orchestration.judge import Assessment, Level, Measure
from orchestration.message_text import plain

RUNBOOK = "docs/runbook.md"
# Sections of the runbook for messages that are not alerts with a key.
TASK_FAILED = "task-failed"
RUN_LATE = "run-late"
RULES_APPROVAL = "rules-approval"
# While nothing can be delivered, flapping alerts must not fill Airflow's database; every message is also in the log.
_MAX_PENDING = 100
# Of a message, so that neither the variable that keeps it nor the link to the runbook after it suffers.
_MESSAGE_CHARACTERS = 2000


class Severity(Enum):
    """The severity of an alert."""

    WARNING = "warning"
    CRITICAL = "critical"
    # Of a task of Airflow.
    FAILED = "failed"


@dataclass(frozen=True)
class Alert:
    """A condition that holds now.

    Attributes:
        key: stays the same while the condition holds.
        section: of the runbook; "" if the key names it.
    """

    key: str
    severity: Severity
    message: str
    section: str = ""

    @property
    def text(self) -> str:
        """The message that people get: one line, whose data is cut, and ends with the section of the runbook."""
        section = runbook_section(self.section or self.key)
        return f"{self.severity.value.upper()} {self.key}: {plain(self.message, _MESSAGE_CHARACTERS)}; {section}"


@dataclass(frozen=True)
class Message:
    """A message about the alert `key`."""

    key: str
    text: str


@dataclass(frozen=True)
class Ledger:
    """What people have been told about a group of alerts, and what they are still to be told.

    Attributes:
        open: severity by key of the alerts that are not resolved.
        pending: messages that are not delivered yet, oldest first.
    """

    open: Mapping[str, str] = field(default_factory=dict)
    pending: tuple[Message, ...] = ()

    def record(self, alerts: Iterable[Alert]) -> "Ledger":
        """Return the ledger with a pending message for each alert that is new, changed or resolved.

        Args:
            alerts: the alerts that hold now.
        """
        now = {alert.key: alert for alert in alerts}
        begun = [Message(key, alert.text) for key, alert in now.items() if self.open.get(key) != alert.severity.value]
        resolved = [Message(key, f"RESOLVED {key}") for key in self.open if key not in now]
        severities = {key: alert.severity.value for key, alert in now.items()}
        return Ledger(severities, (*self.pending, *begun, *resolved)[-_MAX_PENDING:])

    def deliver(self, message: Message) -> "Ledger":
        """Return the ledger without a message that was delivered."""
        at = self.pending.index(message)
        return replace(self, pending=self.pending[:at] + self.pending[at + 1 :])

    def to_json(self) -> dict[str, Any]:
        """Return the ledger as a JSON value."""
        return {"open": dict(self.open), "pending": [[message.key, message.text] for message in self.pending]}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Parse what `to_json` returned, or the open alerts alone, as release 1.0 stored them.

        Raises:
            ValueError: it is something else.
        """
        match value:
            case None:
                return cls()
            case {"open": dict(severities), "pending": [*messages]}:
                return cls(severities, tuple(Message(str(key), str(text)) for key, text in messages))
            case dict() if all(isinstance(severity, str) for severity in value.values()):
                return cls(value)
        msg = "not a ledger of alerts"
        raise ValueError(msg)


def freshness_alerts(assessment: Assessment) -> list[Alert]:
    """Return an alert for each measure that is above one of its levels."""
    landing, commit = assessment.landing, assessment.commit
    quarantine, waiting = assessment.quarantine, assessment.waiting
    late = f"a transaction has waited up to {landing.value:.0f} s to be landed; see the runs of the chunker"
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
    if assessment.refused_rules:
        message = f"the newest rules are not in force, the ones before them stay: {assessment.refused_rules}"
        found.append(Alert("rules-refused", Severity.WARNING, message))
    return [alert for alert in found if alert]


def _alert(key: str, measure: Measure, message: str) -> Alert | None:
    severity = {Level.LATE: Severity.WARNING, Level.DOWN: Severity.CRITICAL}.get(measure.level)
    return Alert(key, severity, message) if severity else None


def runbook_section(name: str) -> str:
    """Return the place of a section of the runbook in the repository."""
    return f"{RUNBOOK}#{name}"
