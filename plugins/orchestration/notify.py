"""Notifications through one Airflow connection (SNS, SMTP or a webhook, by its type), or to the log without one."""

import json
import logging
from collections.abc import Iterable
from typing import Any

from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk import BaseHook, BaseNotifier, Context, Variable
from airflow.sdk.exceptions import AirflowException
from requests import RequestException

from orchestration.alerts import TASK_FAILED, Alert, notifications, runbook_section
from orchestration.settings import load_settings

# Prefix of the Airflow variables that keep what people have been notified of, one per group of alerts.
NOTIFIED = "transaction_patterns_notified"

_SUBJECT = "Transaction patterns"

log = logging.getLogger(__name__)


class AlertConnectionError(ValueError):
    """Raised when the alert connection cannot carry alerts; the message names it and what it lacks."""


class AlertNotSentError(RuntimeError):
    """Raised when an alert was not delivered; the task's retry sends it again."""


class FailureNotifier(BaseNotifier):
    """Notifies people of a task that has failed after its last retry."""

    def notify(self, context: Context) -> None:
        """Send one message that names the task, its run and its error."""
        ti = context["ti"]
        failed = f"FAILED {ti.dag_id}.{ti.task_id}, run {ti.run_id}, try {ti.try_number}: {context.get('exception')}"
        send(f"{failed}; {runbook_section(TASK_FAILED)}", load_settings().alert_connection)


def notify(group: str, alerts: Iterable[Alert], connection: str) -> None:
    """Send the alerts of a group that are new, have another severity, or are resolved since the last call.

    What people have been notified of is stored after it was sent: if the process dies in between, an alert is sent
    twice, but never lost.
    """
    name = f"{NOTIFIED}_{group}"
    texts, notified = notifications(Variable.get(name, default={}, deserialize_json=True), alerts)
    for text in texts:
        send(text, connection)
    if texts:
        Variable.set(name, notified, serialize_json=True)


def send(text: str, connection_id: str) -> None:
    """Send one message.

    Raises:
        AlertConnectionError: the connection is of a type that carries no messages, or lacks an extra.
        AlertNotSentError: a webhook was not reached, or refused the message.
    """
    log.warning("alert: %s", text)
    if not connection_id:
        return
    connection = BaseHook.get_connection(connection_id)
    extra = connection.extra_dejson
    match connection.conn_type:
        case "aws":
            hook = SnsHook(aws_conn_id=connection_id)  # type: ignore[no-untyped-call]
            hook.publish_to_target(_require(extra, "topic_arn", connection_id), text, subject=_SUBJECT)
        case "smtp":
            with SmtpHook(smtp_conn_id=connection_id) as mail:
                mail.send_email_smtp(to=_require(extra, "to", connection_id), subject=_SUBJECT, html_content=text)
        case "http" | "slackwebhook":
            _post(text, connection_id, connection.password or "")
        case other:
            msg = f"connection {connection_id} is of type {other}; use one of type aws, smtp or slackwebhook"
            raise AlertConnectionError(msg)


def _post(text: str, connection_id: str, path: str) -> None:
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
    msg = f"connection {connection_id}: the webhook did not accept the alert ({problem}); fix the connection"
    raise AlertNotSentError(msg)


def _require(extra: dict[str, Any], name: str, connection_id: str) -> str:
    if not extra.get(name):
        msg = f"connection {connection_id} has no {name!r} in its extra; add it"
        raise AlertConnectionError(msg)
    return str(extra[name])
