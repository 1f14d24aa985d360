"""Where alerts go: SNS, SMTP, a Slack webhook, by the type of one Airflow connection; without one, to the log."""

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

from orchestration.alerts import TOLD, Alert, messages
from orchestration.load_settings import load_settings
from orchestration.runbook import TASK_FAILED, section

_SUBJECT = "Transaction patterns"

log = logging.getLogger(__name__)


class AlertConnectionError(ValueError):
    """Raised where the alert connection cannot carry alerts; the message names it and what it lacks."""


class AlertNotSentError(RuntimeError):
    """Raised where the alert connection did not take an alert; the task's retry sends it again."""


class FailureNotifier(BaseNotifier):
    """Tells people of a task that has failed for good."""

    def notify(self, context: Context) -> None:
        """Send one message with the task, its run and what was raised."""
        ti = context["ti"]
        send(
            f"FAILED {ti.dag_id}.{ti.task_id}, run {ti.run_id}, try {ti.try_number}: {context.get('exception')};"
            f" {section(TASK_FAILED)}",
            load_settings().alert_connection,
        )


def tell(group: str, alerts: Iterable[Alert], connection: str) -> list[str]:
    """Send what is new, worse, better or over since the last time; return the texts.

    What people know is kept in an Airflow variable, by `group`, after they have been told: an alert may come twice
    when the process dies in between, it is never lost.
    """
    name = f"{TOLD}_{group}"
    texts, told = messages(Variable.get(name, default={}, deserialize_json=True), alerts)
    for text in texts:
        send(text, connection)
    if texts:
        Variable.set(name, told, serialize_json=True)
    return texts


def send(text: str, connection_id: str) -> None:
    """Send one message.

    Raises:
        AlertConnectionError: the connection is of a type that carries no messages, or lacks what it needs.
        AlertNotSentError: a webhook was not reached, or refused it.
    """
    log.warning("alert: %s", text)
    if not connection_id:
        return
    connection = BaseHook.get_connection(connection_id)
    extra = connection.extra_dejson
    if connection.conn_type == "aws":
        hook = SnsHook(aws_conn_id=connection_id)  # type: ignore[no-untyped-call]
        hook.publish_to_target(_needed(extra, "topic_arn", connection_id), text, subject=_SUBJECT)
    elif connection.conn_type == "smtp":
        with SmtpHook(smtp_conn_id=connection_id) as mail:
            mail.send_email_smtp(to=_needed(extra, "to", connection_id), subject=_SUBJECT, html_content=text)
    elif connection.conn_type in ("http", "slackwebhook"):
        _post(text, connection_id, connection.password or "")
    else:
        msg = f"connection {connection_id} is of type {connection.conn_type}; alerts go to aws, smtp or slackwebhook"
        raise AlertConnectionError(msg)


def _post(text: str, connection_id: str, path: str) -> None:
    """Post one message to a webhook, whose path is the secret: no error may have it."""
    hook = HttpHook(method="POST", http_conn_id=connection_id)
    try:
        hook.run(path, json.dumps({"text": text}), {"Content-Type": "application/json"})
    except AirflowException as error:
        what = f"it answered {error}"
    except RequestException as error:
        # Its text, and that of its cause, have the whole address.
        what = f"{type(error).__name__} on the way"
    else:
        return
    msg = f"connection {connection_id}: the webhook did not take the alert, {what}; check the connection"
    raise AlertNotSentError(msg)


def _needed(extra: dict[str, Any], name: str, connection_id: str) -> str:
    if not extra.get(name):
        msg = f"connection {connection_id} has no {name!r} in its extra"
        raise AlertConnectionError(msg)
    return str(extra[name])
