"""Change the rules: a what-if, a person's approval, the next version."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, get_current_context, task

from orchestration.adoption import AdoptionSensor
from orchestration.approval import APPROVAL_HOURS, ApprovalRequested, plan_what_if
from orchestration.dag_defaults import TASK_DEFAULTS
from orchestration.job_operator import JobOperator
from orchestration.settings import settings_in_template

FORM = {
    "rules": Param(
        type="string",
        format="multiline",
        title="Rules",
        minLength=1,
        description_md="All patterns of the new version, TOML. Begin with `rules show`, or the text on the page.",
    ),
    "comment": Param(
        type="string",
        title="Comment",
        minLength=1,
        maxLength=500,
        description="Why; recorded with the version.",
    ),
    "last_hours": Param(
        24,
        type="number",
        title="What-if: last hours",
        exclusiveMinimum=0,
        description="The rules are tried on the chunks of the last hours.",
    ),
    "from_line": Param(
        None,
        type=["null", "integer"],
        title="What-if: from line",
        minimum=0,
        description="Start at this line instead of the last hours; the lake must still have its state.",
    ),
}

with DAG(
    "change_rules",
    description="Changes the rules after a what-if and a person's approval",
    schedule=None,
    catchup=False,
    # The next change waits, and is then compared with the rules that this one leaves.
    max_active_runs=1,
    # Without a deadline, because it waits for people.
    dagrun_timeout=timedelta(days=2),
    default_args=TASK_DEFAULTS,
    params=FORM,
    user_defined_macros={"settings": settings_in_template},
    tags=["transaction-patterns", "rules"],
    doc_md="""
### change_rules

```
 form: rules, comment ─► validate ─► what_if ─► describe ─► approve ─► publish ─► wait_until_adopted
                         malformed:  a Databricks job       a person,  a Databricks   the detector, at its
                         fails       reads the lake         24 hours   job            next micro-batch
```

**validate** parses the rules; an error names pattern, condition and column.
**what_if** replays the chunks that have landed and compares what the new rules find with what was found.
**approve** shows the differences with examples, and waits for a person to approve or reject them under *Required
Actions*. Rejection, or no answer within 24 hours, skips the rest.
**publish** makes the rules the next version, unless another version was published since the what-if: then trigger the
DAG again. The version records who asked, who approved and when, the comment, and the report.
**wait_until_adopted** ends when the detector uses the version. It is skipped if nothing lands for two minutes: the
detector adopts the version with the next chunk.

Each task may be cleared: the report and the version of a run are made once.

Results: [Pattern detection](plugin/pattern-detection).
""",
) as dag:

    @task(execution_timeout=timedelta(minutes=2))
    def validate() -> dict[str, str]:
        """Parse the rules; return the report's id and the range, as parameters of the job."""
        context = get_current_context()
        return plan_what_if(context["params"], context["run_id"])

    # It names customers, who do not belong into logs.
    @task(execution_timeout=timedelta(minutes=5), show_return_value_in_logs=False)
    def describe(report: str, comment: str, requested_by: str) -> dict[str, Any]:
        """Return the number of the version to be published, and the differences as Markdown."""
        from orchestration.rules_diff import describe_change
        from orchestration.settings import load_settings
        from orchestration.storage import Storage
        from spark_jobs.lake.what_if_report import read_report

        found = read_report(Storage(load_settings()).lake, report)
        return {"version": found.next_version, "body": describe_change(found, report, comment, requested_by)}

    planned = validate()
    report = "{{ ti.xcom_pull(task_ids='validate')['report'] }}"
    requested_by = "{{ dag_run.triggering_user_name or '' }}"
    what_if = JobOperator(
        task_id="what_if",
        databricks_conn_id="{{ settings().databricks_connection }}",
        job_name="{{ settings().what_if_job }}",
        job_parameters={
            "rules-text": "{{ params.rules }}",
            "last-hours": "{{ ti.xcom_pull(task_ids='validate')['last-hours'] }}",
            "from-line": "{{ ti.xcom_pull(task_ids='validate')['from-line'] }}",
            "report": report,
        },
        polling_period_seconds=1,
        execution_timeout=timedelta(hours=3),
    )
    described = describe(report, "{{ params.comment }}", requested_by)
    approve = ApprovalOperator(
        task_id="approve",
        subject="Publish version {{ ti.xcom_pull(task_ids='describe')['version'] }} of the rules?",
        body="{{ ti.xcom_pull(task_ids='describe')['body'] }}",
        defaults=ApprovalOperator.REJECT,
        response_timeout=timedelta(hours=APPROVAL_HOURS),
        notifiers=ApprovalRequested(),
        # Of asking, not of waiting.
        execution_timeout=timedelta(minutes=2),
    )
    publish = JobOperator(
        task_id="publish",
        databricks_conn_id="{{ settings().databricks_connection }}",
        job_name="{{ settings().publish_rules_job }}",
        job_parameters={
            "report": report,
            "author": "{{ ti.xcom_pull(task_ids='approve')['responded_by_user']['name'] }}",
            "comment": "{{ params.comment }}",
            "requested-by": requested_by,
            "approved-at": "{{ ti.xcom_pull(task_ids='approve')['responded_at'].isoformat() }}",
        },
        polling_period_seconds=1,
        execution_timeout=timedelta(hours=2),
    )
    wait_until_adopted = AdoptionSensor(
        task_id="wait_until_adopted",
        report=report,
        poke_interval=2,
        timeout=timedelta(minutes=30),
        execution_timeout=timedelta(minutes=35),
        do_xcom_push=False,
    )
    planned >> what_if >> described >> approve >> publish >> wait_until_adopted
