import pytest

from orchestration.alerts import Alert, Severity, freshness_alerts, notifications
from orchestration.judge import assess
from orchestration.settings import Settings
from tests.orchestration.test_judge import WELL, ago
from tests.orchestration.test_judge import changed as seen

LATE = Alert("landing-late", Severity.WARNING, "it is late")
VERY_LATE = Alert("landing-late", Severity.CRITICAL, "it is very late")


def test_an_alert_is_sent_once_and_once_more_when_it_is_resolved() -> None:
    texts, notified = notifications({}, [LATE])
    assert texts == ["WARNING landing-late: it is late; docs/runbook.md#landing-late"]
    texts, notified = notifications(notified, [LATE])
    assert texts == []
    texts, notified = notifications(notified, [VERY_LATE])
    assert texts == ["CRITICAL landing-late: it is very late; docs/runbook.md#landing-late"]
    assert notifications(notified, []) == (["RESOLVED landing-late"], {})


@pytest.mark.parametrize(
    ("observation", "alerts"),
    [
        (WELL, []),
        (seen(unlanded_since=ago(60)), []),
        (seen(unlanded_since=ago(61)), [("landing-late", Severity.WARNING)]),
        (seen(unlanded_since=ago(301)), [("landing-late", Severity.CRITICAL)]),
        (seen(uncommitted_since=ago(61)), [("commit-late", Severity.WARNING)]),
        (seen(window=100, quarantined=1), []),
        (seen(window=100, quarantined=2), [("quarantine", Severity.WARNING)]),
        (seen(beat={"waiting": 50}), []),
        (seen(beat={"transactions_without_gender": 9}), []),
        (seen(beat={"transactions_without_gender": 10}), [("gender-unknown", Severity.WARNING)]),
        (seen(beat={"waiting": 501}), [("detections-waiting", Severity.CRITICAL)]),
        (
            seen(unlanded_since=ago(61), uncommitted_since=ago(301)),
            [("landing-late", Severity.WARNING), ("commit-late", Severity.CRITICAL)],
        ),
    ],
)
def test_a_measure_above_its_level_is_an_alert(observation: object, alerts: list[tuple[str, Severity]]) -> None:
    found = freshness_alerts(assess(observation, Settings()))  # type: ignore[arg-type]
    assert [(alert.key, alert.severity) for alert in found] == alerts
