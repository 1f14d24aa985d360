"""Every minute: see that the detector runs, once, and moves."""

import logging
from datetime import UTC, datetime, timedelta

from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.sdk import DAG, CronTriggerTimetable, task

from orchestration.deadline import deadline
from orchestration.task_defaults import TASK_DEFAULTS

log = logging.getLogger(__name__)

with DAG(
    "supervise_detector",
    description="Keeps exactly one detector alive and moving",
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    deadline=deadline("supervise_detector", timedelta(minutes=3)),
    default_args=TASK_DEFAULTS,
    tags=["transaction-patterns", "detector"],
    doc_md="""
### supervise_detector

```
 job: there? unpaused? one live run? ─┐
 heartbeat: recent?                   ├─► plan ─► unpause, start, cancel ─► alert, once
 oldest landed chunk: committed?     ─┘
```

A paused job is unpaused, a dead detector started, a second run cancelled; one whose heartbeat is old, or that leaves a
landed chunk waiting, is cancelled so that the continuous job starts it again. More restarts an hour than
`max_restarts_per_hour` raise an alert. What it saw and did is in the task's log.

What came of it: [Pattern detection](plugin/pattern-detection).
""",
) as dag:

    @task(execution_timeout=timedelta(minutes=2), do_xcom_push=False)
    def supervise() -> None:
        """Look, decide, act, tell."""
        from orchestration.detector_job import DetectorJob
        from orchestration.lake import Lake
        from orchestration.load_settings import load_settings
        from orchestration.notifier import tell
        from orchestration.supervision import Observation, plan

        settings = load_settings()
        job = DetectorJob(DatabricksHook(settings.databricks_connection), settings.detector_job)
        lake, now = Lake(settings), datetime.now(UTC)
        heartbeat = lake.heartbeat()
        there = job.job_id is not None
        seen = Observation(
            now=now,
            job_id=job.job_id,
            paused=there and job.is_paused(),
            live=job.live_runs() if there else (),
            starts=job.starts(now) if there else (),
            heartbeat=heartbeat,
            oldest_waiting=lake.landed_at(heartbeat.committed_line if heartbeat else 0),
        )
        log.info("seen: %s", seen)
        decided = plan(seen, settings)
        for step in decided.steps:
            log.warning("%s: %s (run %s)", step.act.value, step.why, step.run_id)
            job.take(step)
        tell("detector", decided.alerts, settings.alert_connection)

    supervise()
