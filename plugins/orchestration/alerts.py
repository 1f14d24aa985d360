"""Alerts: what is wrong, told once when it begins and once when it is over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from orchestration.runbook import section

# How the names of the Airflow variables begin that keep what people have been told, one for each group of alerts.
TOLD = "transaction_patterns_alerts_told"


class Severity(Enum):
    """How bad it is."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Alert:
    """Something that is wrong now; `key` stays the same as long as it is, and names the section of the runbook."""

    key: str
    severity: Severity
    message: str


def messages(told: Mapping[str, str], alerts: Iterable[Alert]) -> tuple[list[str], dict[str, str]]:
    """Return what people are to be told now, and what they have been told then.

    Args:
        told: severity by key, of what they have been told and that was not over.
        alerts: all that is wrong now. What became worse or better is told again.
    """
    now = {alert.key: alert for alert in alerts}
    texts = [
        f"{alert.severity.value.upper()} {key}: {alert.message}; {section(key)}"
        for key, alert in now.items()
        if told.get(key) != alert.severity.value
    ]
    texts += [f"RESOLVED {key}" for key in told if key not in now]
    return texts, {key: alert.severity.value for key, alert in now.items()}
