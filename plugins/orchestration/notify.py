"""Notifications through one Airflow connection (SNS, SMTP or a webhook, by its type), or to the log without one."""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from requests import RequestException

from orchestration.alerts import Alert, Ledger
from orchestration.message_text import for_mail, for_webhook, plain
from orchestration.settings import SettingsError, load_settings
from orchestration.state_store import StateStore, VariableMalformedError
from orchestration.variables import VariableUnreadableError

# Prefix of the Airflow variables that keep what people have been told, one per group of alerts.
NOTIFIED = "transaction_patterns_notified"
# Carries alerts if the settings name no connection, or cannot be read, or the one they name fails.
FALLBACK_CONNECTION = "transaction_patterns_alerts"

_SUBJECT = "Transaction patterns"

log = logging.getLogger(__name__)

Send = Callable[[str], None]


class AlertConnectionError(ValueError):
    """Raised when the alert connection cannot carry alerts; the message names it and what it lacks."""


class AlertNotSentError(RuntimeError):
    """Raised when an alert, or a sign of life, was not delivered; the next run sends it again."""


class Notifier:
    """Tells people about one group of alerts.

    Call `record` before repairing anything and `deliver` after it: an alert whose condition is repaired is delivered
    even if the process dies in between. It is sent twice if the process dies right after sending, but never lost.

    Raises:
        VariableUnreadableError: the state cannot be read.
        VariableMalformedError: the state is not a ledger.
    """

    def __init__(self, group: str, state: StateStore, send: Send) -> None:
        self._name = f"{NOTIFIED}_{group}"
        self._state = state
        self._send = send
        stored = state.read(self._name)
        try:
            self.ledger = Ledger.from_json(stored)
        except ValueError as error:
            problem = f"{error}; delete the variable, and open alerts are sent once more"
            raise VariableMalformedError(self._name, problem) from error

    def record(self, alerts: Iterable[Alert]) -> None:
        """Store a pending message for each alert that is new, changed or resolved since the last call."""
        self._store(self.ledger.record(alerts))

    def deliver(self) -> None:
        """Send the pending messages, each independently; messages about one alert keep their order.

        Raises:
            AlertNotSentError: at least one was not delivered; it stays pending.
        """
        failed: dict[str, Exception] = {}
        for message in self.ledger.pending:
            if message.key in failed:
                continue
            try:
                self._send(message.text)
            # Each kind of connection raises errors of its own.
            except Exception as error:
                log.exception("alert not delivered: %s", message.key)
                failed[message.key] = error
            else:
                self._store(self.ledger.deliver(message))
        if failed:
            key, first = next(iter(failed.items()))
            msg = f"{len(failed)} alerts stay pending, {key} among them: {first}"
            raise AlertNotSentError(msg) from first

    def _store(self, ledger: Ledger) -> None:
        if ledger != self.ledger:
            self._state.write(self._name, ledger.to_json())
            self.ledger = ledger


def send_alert(text: str) -> None:
    """Send one message to the connection in the settings, or to the fallback if the settings cannot be read."""
    try:
        connection_id = load_settings().alert_connection
    except (SettingsError, VariableUnreadableError) as error:
        log.warning("alerts go to %s: %s", FALLBACK_CONNECTION, plain(str(error)))
        connection_id = ""
    send(text, connection_id)


def send(text: str, connection_id: str) -> None:
    """Send one message to a connection, or to the fallback if it fails; to the log alone if there is neither.

    The text may contain data: each channel gets it as one line, cut and without markup, see `message_text`.

    Raises:
        AlertConnectionError: the connection is missing, of a type that carries no messages, or lacks an extra.
        AlertNotSentError: a webhook was not reached, or refused the message.
    """
    log.warning("alert: %s", plain(text))
    fallback = _find_connection(FALLBACK_CONNECTION) if connection_id != FALLBACK_CONNECTION else None
    if not connection_id:
        if fallback:
            _send(text, FALLBACK_CONNECTION, fallback)
        return
    try:
        connection = _find_connection(connection_id)
        if connection is None:
            msg = f"connection {connection_id} cannot be read; create it, or fix the setting `alert_connection`"
            raise AlertConnectionError(msg)
        _send(text, connection_id, connection)
    # Each kind of connection raises errors of its own.
    except Exception as error:
        if fallback is None:
            raise
        log.exception("alert connection %s failed", connection_id)
        _send(f"{text} (connection {connection_id} failed: {type(error).__name__})", FALLBACK_CONNECTION, fallback)


def send_sign_of_life(connection_id: str) -> None:
    """Tell a dead man's switch that the data has been measured and that all alerts are delivered.

    Raises:
        AlertConnectionError: the connection is missing, or of another type than http.
        AlertNotSentError: the switch was not reached, or refused the request.
    """
    connection = _find_connection(connection_id)
    if connection is None or connection.conn_type != "http":
        problem = f"is of type {connection.conn_type}, not http" if connection else "cannot be read"
        msg = f"connection {connection_id} {problem}; create it, or fix the setting `alive_connection`"
        raise AlertConnectionError(msg)
    _post("watch_freshness is alive", connection_id, connection.password or "", "sign of life")


def _find_connection(connection_id: str) -> Connection | None:
    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None


def _send(text: str, connection_id: str, connection: Connection) -> None:
    extra = connection.extra_dejson
    match connection.conn_type:
        case "aws":
            hook = SnsHook(aws_conn_id=connection_id)  # type: ignore[no-untyped-call]
            hook.publish_to_target(_require(extra, "topic_arn", connection_id), plain(text), subject=_SUBJECT)
        case "smtp":
            with SmtpHook(smtp_conn_id=connection_id) as mail:
                recipient = _require(extra, "to", connection_id)
                mail.send_email_smtp(to=recipient, subject=_SUBJECT, html_content=for_mail(text))
        case "http" | "slackwebhook":
            _post(for_webhook(text), connection_id, connection.password or "")
        case other:
            msg = f"connection {connection_id} is of type {other}; use one of type aws, smtp or slackwebhook"
            raise AlertConnectionError(msg)


def _post(text: str, connection_id: str, path: str, what: str = "alert") -> None:
    """Post a message to a webhook, whose path is a secret that no error may contain."""
    hook = HttpHook(method="POST", http_conn_id=connection_id)
    try:
        hook.run(path, json.dumps({"text": text}), {"Content-Type": "application/json"})
    except AirflowException as error:
        problem = f"it answered {error}"
    except RequestException as error:
        # The texts of the error and of its cause contain the whole address.
        problem = type(error).__name__
    else:
        return
    msg = f"connection {connection_id}: the webhook did not accept the {what} ({problem}); fix the connection"
    raise AlertNotSentError(msg)


def _require(extra: dict[str, Any], name: str, connection_id: str) -> str:
    if not extra.get(name):
        msg = f"connection {connection_id} has no {name!r} in its extra; add it"
        raise AlertConnectionError(msg)
    return str(extra[name])
