import pytest

from orchestration.alerts import Alert, Severity, messages
from orchestration.freshness import Freshness, judge
from orchestration.settings import Settings

LATE = Alert("landing-late", Severity.WARNING, "it is late")
VERY_LATE = Alert("landing-late", Severity.CRITICAL, "it is very late")


def test_an_alert_is_told_once_and_once_when_it_is_over() -> None:
    texts, told = messages({}, [LATE])
    assert texts == ["WARNING landing-late: it is late; docs/runbook.md#landing-late"]
    texts, told = messages(told, [LATE])
    assert texts == []
    texts, told = messages(told, [VERY_LATE])
    assert texts == ["CRITICAL landing-late: it is very late; docs/runbook.md#landing-late"]
    assert messages(told, []) == (["RESOLVED landing-late"], {})


FRESH = {"landing_age": 0.0, "commit_age": 0.0, "quarantine_share": 0.0, "waiting": 49}


@pytest.mark.parametrize(
    ("values", "alerts"),
    [
        ({}, []),
        ({"landing_age": 60}, []),
        ({"landing_age": 61}, [("landing-late", Severity.WARNING)]),
        ({"landing_age": 301}, [("landing-late", Severity.CRITICAL)]),
        ({"commit_age": 61}, [("commit-late", Severity.WARNING)]),
        ({"quarantine_share": 0.02}, [("quarantine", Severity.WARNING)]),
        ({"waiting": 501}, [("detections-waiting", Severity.CRITICAL)]),
        (
            {"landing_age": 61, "commit_age": 301},
            [("landing-late", Severity.WARNING), ("commit-late", Severity.CRITICAL)],
        ),
    ],
)
def test_what_is_beyond_its_level_is_an_alert(values: dict[str, float], alerts: list[tuple[str, Severity]]) -> None:
    found = judge(Freshness(**{**FRESH, **values}), Settings())  # type: ignore[arg-type]
    assert [(alert.key, alert.severity) for alert in found] == alerts
