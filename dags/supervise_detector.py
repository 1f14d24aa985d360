"""Keep one detector running and making progress: every minute."""

import logging
from datetime import UTC, datetime, timedelta

from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.dag_defaults import TASK_DEFAULTS, run_deadline

log = logging.getLogger(__name__)

with DAG(
    "supervise_detector",
    description="Keeps exactly one detector running and making progress",
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    deadline=run_deadline("supervise_detector", timedelta(minutes=3)),
    default_args=TASK_DEFAULTS,
    tags=["transaction-patterns", "detector"],
    doc_md="""
### supervise_detector

```
 job: exists? unpaused? one live run? ─┐
 heartbeat: recent?                    ├─► plan ─► unpause, start, cancel ─► alert, once
 oldest landed chunk: committed?      ─┘
```

It unpauses a paused job, starts a dead detector and cancels a second run. A detector whose heartbeat is old, or that
leaves a landed chunk waiting, is cancelled; the continuous job restarts it. More than `max_restarts_per_hour` raise an
alert. The task's log has what it observed and did.

Results: [Pattern detection](plugin/pattern-detection).
""",
) as dag:

    @task(execution_timeout=timedelta(minutes=2), do_xcom_push=False)
    def supervise() -> None:
        """Observe the detector, repair it, and notify people."""
        from orchestration.detector_job import DetectorJob
        from orchestration.notify import notify
        from orchestration.observe import Observer
        from orchestration.settings import load_settings
        from orchestration.storage import Storage
        from orchestration.supervise import plan

        settings = load_settings()
        storage = Storage(settings)
        job = DetectorJob(DatabricksHook(settings.databricks_connection), settings.detector_job)
        status = job.status(datetime.now(UTC))
        seen = Observer(storage.lake, storage.master_file).observe_detector()
        if seen.heartbeat_error:
            raise seen.heartbeat_error
        log.info("observed: %s, %s", status, seen)
        decided = plan(status, seen, settings)
        for step in decided.steps:
            log.warning("%s: %s (run %s)", step.action.value, step.reason, step.run_id)
            job.apply(step)
        notify("detector", decided.alerts, settings.alert_connection)

    supervise()
