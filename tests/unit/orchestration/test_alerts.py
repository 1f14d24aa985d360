import json

import pytest

from orchestration.alerts import Alert, Ledger, Severity, freshness_alerts
from orchestration.judge import assess
from orchestration.settings import Settings
from tests.unit.orchestration.test_judge import WELL, ago
from tests.unit.orchestration.test_judge import changed as seen

LATE = Alert("landing-late", Severity.WARNING, "it is late")
VERY_LATE = Alert("landing-late", Severity.CRITICAL, "it is very late")


def texts(ledger: Ledger) -> list[str]:
    return [message.text for message in ledger.pending]


def delivered(ledger: Ledger) -> Ledger:
    for message in ledger.pending:
        ledger = ledger.deliver(message)
    return ledger


def test_an_alert_is_sent_once_and_once_more_when_it_is_resolved() -> None:
    ledger = Ledger().record([LATE])
    assert texts(ledger) == ["WARNING landing-late: it is late; docs/runbook.md#landing-late"]
    ledger = delivered(ledger).record([LATE])
    assert texts(ledger) == []
    ledger = ledger.record([VERY_LATE])
    assert texts(ledger) == ["CRITICAL landing-late: it is very late; docs/runbook.md#landing-late"]
    ledger = delivered(ledger).record([])
    assert texts(ledger) == ["RESOLVED landing-late"]
    assert delivered(ledger) == Ledger()


def test_data_neither_forges_an_alert_nor_hides_the_runbook() -> None:
    alert = Alert("landing-late", Severity.WARNING, "column a\nRESOLVED landing-late" + "\n" * 100_000)
    (text,) = texts(Ledger().record([alert]))
    assert text.isprintable()
    assert text.startswith("WARNING landing-late: column a\\nRESOLVED landing-late")
    assert text.endswith(" … (cut); docs/runbook.md#landing-late")
    assert len(text) < 2200


def test_a_message_stays_pending_even_if_its_alert_is_resolved() -> None:
    ledger = Ledger().record([LATE]).record([])
    assert texts(ledger) == ["WARNING landing-late: it is late; docs/runbook.md#landing-late", "RESOLVED landing-late"]


def test_pending_messages_are_bounded() -> None:
    ledger = Ledger()
    for _ in range(1000):
        ledger = ledger.record([LATE]).record([])
    assert len(ledger.pending) == 100
    assert ledger.pending[-1].text == "RESOLVED landing-late"


@pytest.mark.parametrize("ledger", [Ledger(), Ledger().record([LATE]), delivered(Ledger().record([LATE]))])
def test_a_ledger_survives_as_json(ledger: Ledger) -> None:
    assert Ledger.from_json(json.loads(json.dumps(ledger.to_json()))) == ledger


def test_the_open_alerts_of_release_1_0_are_read_and_anything_else_is_an_error() -> None:
    assert Ledger.from_json(None) == Ledger()
    assert Ledger.from_json({"landing-late": "warning"}) == Ledger({"landing-late": "warning"})
    values: list[object] = [[], "x", {"open": {}}, {"open": {}, "pending": [["only a key"]]}]
    for value in values:
        with pytest.raises(ValueError, match=r"unpack|not a ledger"):
            Ledger.from_json(value)


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
        (seen(beat={"refused_rules_reason": "000002.toml: not TOML"}), [("rules-refused", Severity.WARNING)]),
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
