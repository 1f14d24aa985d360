"""A change of the rules before and while a person decides on it: what is asked for, and who is told."""

import hashlib
import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseNotifier, Context, conf

from orchestration.alerts import RULES_APPROVAL, runbook_section
from orchestration.message_text import plain
from orchestration.notify import send_alert
from spark_jobs.errors import RulesError

APPROVAL_HOURS = 24
# Databricks accepts 10,000 bytes of parameters, as JSON; the other ones take less than the rest.
_MAX_RULES_BYTES = 9000

log = logging.getLogger(__name__)


def plan_what_if(params: Mapping[str, Any], run_id: str) -> dict[str, str]:
    """Return the parameters of the what-if of a run of the DAG, the same at every try; `from-line` goes first.

    Raises:
        RulesError: the rules are malformed, or too long for a parameter of a job.
    """
    from spark_jobs.patterns.rules import parse_rules

    parse_rules(params["rules"].encode(), "the rules")
    size = len(json.dumps(params["rules"]))
    if size > _MAX_RULES_BYTES:
        msg = (
            f"the rules take {size:,} bytes, and a job's parameter has room for {_MAX_RULES_BYTES:,}; shorten their"
            " comments, or publish the file with `rules publish`"
        )
        raise RulesError(msg)
    line, hours = params["from_line"], params["last_hours"]
    return {
        "report": report_id(run_id),
        "from-line": "" if line is None else str(line),
        "last-hours": str(hours) if line is None else "",
    }


def report_id(run_id: str) -> str:
    """Return the id of the report of a run, of characters that are safe in paths."""
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:8]
    return f"change_rules-{re.sub('[^A-Za-z0-9._-]', '-', run_id)[:70]}-{digest}"


class ApprovalRequested(BaseNotifier):
    """Tells people that a change of the rules waits for their decision, with a link to it."""

    def notify(self, context: Context) -> None:
        """Send one message; if that fails, the request waits all the same, and Airflow shows it."""
        ti, params = context["ti"], context["params"]
        asks = f"{context['dag_run'].triggering_user_name or 'somebody'} asks to change the rules"
        text = f"APPROVAL {ti.dag_id}: {asks} ({plain(params['comment'])})"
        text += (
            f"; approve or reject within {APPROVAL_HOURS} hours: {_place(context)}; {runbook_section(RULES_APPROVAL)}"
        )
        try:
            send_alert(text)
        # Each kind of connection raises errors of its own.
        except Exception:
            log.exception("people were not told that approval is requested")


def _place(context: Context) -> str:
    """Return the URL of the request, or its run if Airflow does not know its own URL."""
    base_url = conf.get("api", "base_url", fallback="")
    if not base_url:
        return f"run {context['ti'].run_id}, Required Actions"
    return HITLOperator.generate_link_to_ui_from_context(context=context, base_url=base_url)
