"""Keep one detector running and making progress: every minute."""

from datetime import timedelta

from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.dag_defaults import TASK_DEFAULTS, run_deadline

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
 heartbeat: recent?                    ├─► plan ─► record alerts ─► unpause, start, cancel ─► deliver alerts, once
 oldest landed chunk: committed?      ─┘
```

It unpauses a paused job and cancels a second run. A detector whose heartbeat is old, or that leaves a landed chunk
waiting, is cancelled; the continuous job restarts it. A run is started only if Databricks has not done so within
`pause_seconds`, or `backoff_seconds` after a failure, and never after a permanent failure: that is an alert, as are
more than `max_restarts_per_hour`. The task's log has what it observed and did.

Results: [Pattern detection](plugin/pattern-detection).
""",
) as dag:

    @task(execution_timeout=timedelta(minutes=2), do_xcom_push=False)
    def supervise() -> None:
        """Observe the detector, repair it, and notify people."""
        from orchestration.detector_job import DetectorJob
        from orchestration.notify import Notifier, send_alert
        from orchestration.observe import Observer
        from orchestration.settings import load_settings
        from orchestration.storage import Storage
        from orchestration.supervise import supervise_once
        from orchestration.variables import AirflowVariables

        settings = load_settings()
        storage = Storage(settings)
        seen = Observer(storage.lake, storage.master_file, storage.now).observe_detector()
        if seen.heartbeat_error:
            raise seen.heartbeat_error
        state = AirflowVariables()
        job = DetectorJob(DatabricksHook(settings.databricks_connection), settings.detector_job)
        notifier = Notifier("detector", state, send_alert)
        supervise_once(job, seen, settings, state, notifier)

    supervise()
