"""Measure the freshness of the data, and alert if it is late: every minute."""

import logging
from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Variable, task

from orchestration.dag_defaults import TASK_DEFAULTS, run_deadline

log = logging.getLogger(__name__)

# Airflow variable that keeps the unlanded arrivals between runs.
_ARRIVALS = "transaction_patterns_arrivals"

with DAG(
    "watch_freshness",
    description="SLA alerts from the data itself",
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    deadline=run_deadline("watch_freshness", timedelta(minutes=3)),
    default_args=TASK_DEFAULTS,
    tags=["transaction-patterns", "sla"],
    doc_md="""
### watch_freshness

```
 transactions.csv ─ how long unlanded? ─────┐
 landing_zone/ ──── how long uncommitted? ──┤
 quarantine/ ────── which share of lines? ──┼─► levels ─► alert, once, and once more when resolved
 detections ─────── how many without file? ─┘
```

It measures the data, not the states of tasks, so a chunker that succeeds without landing anything is noticed. Levels
and the alert connection are settings (the Airflow variable `transaction_patterns`).

Results: [Pattern detection](plugin/pattern-detection).
""",
) as dag:

    @task(execution_timeout=timedelta(minutes=2), do_xcom_push=False)
    def watch() -> None:
        """Observe the lake, and notify people of what is late."""
        from orchestration.alerts import freshness_alerts
        from orchestration.judge import assess
        from orchestration.notify import notify
        from orchestration.observe import Observer, format_arrivals, parse_arrivals
        from orchestration.settings import load_settings
        from orchestration.storage import Storage

        settings = load_settings()
        storage = Storage(settings)
        arrivals = parse_arrivals(Variable.get(_ARRIVALS, default=[], deserialize_json=True))
        observer = Observer(storage.lake, storage.master_file, arrivals)
        seen = observer.observe()
        for error in (seen.source_error, seen.offset_error, seen.heartbeat_error):
            if error:
                raise error
        Variable.set(_ARRIVALS, format_arrivals(observer.arrivals), serialize_json=True)
        measured = assess(seen, settings)
        log.info("measured: %s", measured)
        notify("freshness", freshness_alerts(measured), settings.alert_connection)

    watch()
