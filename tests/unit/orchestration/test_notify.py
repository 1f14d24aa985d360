import html
import json
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.providers.smtp.hooks.smtp import SmtpHook

from local.ports import free_port
from orchestration.alerts import Alert, Severity
from orchestration.notify import (
    NOTIFIED,
    AlertConnectionError,
    AlertNotSentError,
    Notifier,
    send,
    send_alert,
    send_sign_of_life,
)
from orchestration.state_store import VariableMalformedError
from tests.harness.webhook import webhook
from tests.unit.orchestration.memory_state import MemoryState

TOKEN = "T00000000/B00000000/canary9f86d081884c7d65"

Connect = Callable[..., None]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    def connection(port: int, conn_type: str = "slackwebhook", name: str = "ops") -> None:
        given = {"conn_type": conn_type, "host": "127.0.0.1", "port": port, "schema": "http", "password": TOKEN}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(given))

    return connection


def test_a_webhook_is_sent_the_text(connect: Connect) -> None:
    with webhook() as (port, received):
        connect(port)
        send("WARNING landing-late", "ops")
    assert received == [{"text": "WARNING landing-late"}]


@pytest.mark.parametrize("reached", [True, False], ids=["refused", "not reached"])
def test_the_error_of_a_webhook_does_not_contain_its_secret(connect: Connect, reached: bool) -> None:
    with webhook(status=404) as (port, _):
        connect(port if reached else free_port(0))
        with pytest.raises(AlertNotSentError, match="connection ops: the webhook did not accept the alert") as failed:
            send("WARNING landing-late", "ops")
    assert ("404" in str(failed.value)) == reached
    assert TOKEN not in "".join(traceback.format_exception(failed.value))


def test_a_connection_that_carries_no_messages_is_named(connect: Connect) -> None:
    connect(1, "ftp")
    with pytest.raises(AlertConnectionError, match="connection ops is of type ftp") as failed:
        send("WARNING landing-late", "ops")
    assert TOKEN not in str(failed.value)


def test_a_dead_mans_switch_is_called(connect: Connect) -> None:
    with webhook() as (port, received):
        connect(port, "http", "alive")
        send_sign_of_life("alive")
    assert received == [{"text": "watch_freshness is alive"}]


def test_a_dead_mans_switch_that_cannot_be_called_is_named(connect: Connect) -> None:
    with pytest.raises(AlertConnectionError, match="connection alive cannot be read; create it, or fix"):
        send_sign_of_life("alive")
    connect(1, "smtp", "alive")
    with pytest.raises(AlertConnectionError, match="connection alive is of type smtp, not http; create it, or fix"):
        send_sign_of_life("alive")
    with webhook(status=404) as (port, _):
        connect(port, "http", "alive")
        with pytest.raises(AlertNotSentError, match="connection alive: the webhook did not accept the sign of life"):
            send_sign_of_life("alive")


@pytest.mark.parametrize("settings", [None, "{", "[]", '{"alert_connection": "missing"}', '{"chunksize": 5}'])
def test_without_usable_settings_alerts_go_to_the_fallback(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, settings: str | None
) -> None:
    monkeypatch.delenv("AIRFLOW_VAR_TRANSACTION_PATTERNS", raising=False)
    if settings is not None:
        monkeypatch.setenv("AIRFLOW_VAR_TRANSACTION_PATTERNS", settings)
    with webhook() as (port, received):
        connect(port, name="transaction_patterns_alerts")
        send_alert("WARNING landing-late")
    [message] = received
    assert message["text"].startswith("WARNING landing-late")


def test_the_fallback_carries_what_the_alert_connection_refuses_and_says_so(connect: Connect) -> None:
    with webhook(status=404) as (refusing, _), webhook() as (port, received):
        connect(refusing)
        connect(port, name="transaction_patterns_alerts")
        send("WARNING landing-late", "ops")
    assert received == [{"text": "WARNING landing-late (connection ops failed: AlertNotSentError)"}]


def test_without_any_connection_an_alert_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    send("WARNING landing-late", "")
    assert "alert: WARNING landing-late" in caplog.text
    with pytest.raises(AlertConnectionError, match="connection ops cannot be read; create it"):
        send("WARNING landing-late", "ops")


# What an attacker may write into a column's name, an id or a run's id.
ATTACK = (
    "<!channel> <https://evil.example|docs/runbook.md> &lt;b&gt; <b onclick='x'>\"\r\n"
    "RESOLVED detector-failed\u2028forged\x85forged\x1b[2J\u202eeslaf\x00\ud800"
)
ON_ONE_LINE = (
    "<!channel> <https://evil.example|docs/runbook.md> &lt;b&gt; <b onclick='x'>\"\\r\\n"
    "RESOLVED detector-failed\\u2028forged\\x85forged\\x1b[2J\\u202eeslaf\\x00\\ud800"
)
LONG = "<&\n" * 100_000


def sent_by(monkeypatch: pytest.MonkeyPatch, conn_type: str, text: str) -> str:
    """Send a text to a connection of a type that Airflow's own hooks carry; return what they are given."""
    given: list[str] = []

    def publish(_hook: SnsHook, _target: str, message: str, **_: str) -> None:
        given.append(message)

    def mail(_hook: SmtpHook, *, html_content: str, **_: str) -> None:
        given.append(html_content)

    def connected(hook: Any) -> Any:
        hook._smtp_client = SimpleNamespace(close=lambda: None)
        return hook

    monkeypatch.setattr(SnsHook, "publish_to_target", publish)
    monkeypatch.setattr(SmtpHook, "send_email_smtp", mail)
    monkeypatch.setattr(SmtpHook, "get_conn", connected)
    extra = {"topic_arn": "arn:aws:sns:eu-west-1:1:t", "to": "ops@example.com", "from_email": "a@example.com"}
    monkeypatch.setenv("AIRFLOW_CONN_OPS", json.dumps({"conn_type": conn_type, "extra": extra}))
    send(text, "ops")
    [message] = given
    return message


def posted(connect: Connect, text: str) -> str:
    with webhook() as (port, received):
        connect(port)
        send(text, "ops")
    [message] = received
    return str(message["text"])


def test_data_is_no_mention_link_or_second_line_in_a_webhook(connect: Connect) -> None:
    text = posted(connect, ATTACK)
    assert "<" not in text
    assert ">" not in text
    assert text.isprintable()
    assert text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == ON_ONE_LINE


def test_data_is_no_markup_in_a_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    text = sent_by(monkeypatch, "smtp", ATTACK)
    assert not set("<>\"'") & set(text)
    assert html.unescape(text) == ON_ONE_LINE


def test_data_is_no_second_line_in_sns_and_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert sent_by(monkeypatch, "aws", ATTACK) == ON_ONE_LINE
    assert f"alert: {ON_ONE_LINE}" in caplog.messages


def test_a_long_message_is_cut_in_each_channel(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for text in (posted(connect, LONG), *(sent_by(monkeypatch, kind, LONG) for kind in ("smtp", "aws"))):
        assert text.endswith(" … (cut)")
        assert len(text) < 25_000, "Slack accepts 40,000 characters"
    assert max(map(len, caplog.messages)) < 5000


FIRST = Alert("first", Severity.WARNING, "1")
SECOND = Alert("second", Severity.WARNING, "2")


class Recipient:
    """Receives messages, and refuses those that contain `refused`."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.refused = ""

    def __call__(self, text: str) -> None:
        if self.refused and self.refused in text:
            raise AlertNotSentError(f"refused {self.refused}")
        self.received.append(text.split(":")[0])


def test_a_refused_message_stays_pending_and_does_not_repeat_its_neighbours() -> None:
    state, recipient = MemoryState(), Recipient()
    recipient.refused = "first"
    notifier = Notifier("group", state, recipient)
    notifier.record([FIRST, SECOND])
    for alerts in ([FIRST, SECOND], [SECOND]):
        with pytest.raises(AlertNotSentError, match="1 alerts stay pending, first among them: refused first"):
            notifier.deliver()
        notifier = Notifier("group", state, recipient)
        notifier.record(alerts)
    assert recipient.received == ["WARNING second"]
    recipient.refused = ""
    notifier.deliver()
    assert recipient.received == ["WARNING second", "WARNING first", "RESOLVED first"]


def test_an_alert_about_one_condition_never_overtakes_another() -> None:
    """A RESOLVED that could be delivered must not arrive before the alert that it resolves."""
    state, recipient = MemoryState(), Recipient()
    recipient.refused = "WARNING first"
    notifier = Notifier("group", state, recipient)
    notifier.record([FIRST])
    notifier.record([])
    with pytest.raises(AlertNotSentError):
        notifier.deliver()
    assert recipient.received == []


def test_a_ledger_that_cannot_be_read_is_an_error() -> None:
    state = MemoryState()
    state.write(f"{NOTIFIED}_group", [])
    with pytest.raises(VariableMalformedError, match=f"{NOTIFIED}_group: not a ledger of alerts; delete the variable"):
        Notifier("group", state, Recipient())
