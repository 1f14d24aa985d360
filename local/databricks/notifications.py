"""Notifications of jobs: to a webhook, or to a log where there is none."""

import json
import logging
from typing import Protocol

import httpx

from local.databricks.model import Json, Run

_TIMEOUT_SECONDS = 5


class Notifier(Protocol):
    """Delivers what happened to a run."""

    def notify(self, event: str, run: Run) -> None:
        """Deliver an event (`on_start`, `on_success`, `on_failure`, `on_duration_…`) to whom the job names."""


class LoggedNotifier:
    """Writes notifications to a log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def notify(self, event: str, run: Run) -> None:
        """Write one line for each recipient."""
        for recipient in recipients(run.settings, event):
            self._log.info("notification to %s: %s", recipient, json.dumps(payload(event, run)))


class WebhookNotifier:
    """Posts notifications to one address, whatever their recipient; a failed delivery is logged."""

    def __init__(self, url: str, log: logging.Logger) -> None:
        self._url = url
        self._log = log

    def notify(self, event: str, run: Run) -> None:
        """Post one message for each recipient."""
        for recipient in recipients(run.settings, event):
            body = {"recipient": recipient, **payload(event, run)}
            try:
                httpx.post(self._url, json=body, timeout=_TIMEOUT_SECONDS).raise_for_status()
            except httpx.HTTPError as error:
                self._log.error("notification to %s was not delivered: %s", self._url, error)


def recipients(settings: Json, event: str) -> list[str]:
    """Return who is told of an event: addresses of `email_notifications`, ids of `webhook_notifications`."""
    mails = settings.get("email_notifications", {}).get(event, [])
    hooks = settings.get("webhook_notifications", {}).get(event, [])
    return [*mails, *(hook["id"] for hook in hooks)]


def payload(event: str, run: Run) -> Json:
    """Return the body that a webhook of Databricks has."""
    return {
        "event_type": f"jobs.{event}",
        "workspace_id": 0,
        "run": {"run_id": run.run_id},
        "job": {"job_id": run.job_id, "name": run.name},
    }
