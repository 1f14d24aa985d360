"""Measure the freshness of the data, and alert if it is late: every minute."""

import logging
from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, conf, task

from orchestration.dag_defaults import TASK_DEFAULTS, run_deadline

log = logging.getLogger(__name__)

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
and the alert connection are settings (the Airflow variable `transaction_patterns`). It also alerts once if Airflow's
own settings do not suit a run every 5 seconds, in the chunker mode `run`.

A dead scheduler does not run it, and so reports nothing: the setting `alive_connection` names a dead man's switch that
is called after each measurement.

Results: [Pattern detection](plugin/pattern-detection).
""",
) as dag:

    @task(execution_timeout=timedelta(minutes=2), do_xcom_push=False)
    def watch() -> None:
        """Observe the lake, and notify people of what is late."""
        from orchestration.airflow_needs import settings_alerts
        from orchestration.alerts import freshness_alerts
        from orchestration.chunker_mode import ChunkerMode, chunker_mode
        from orchestration.judge import assess
        from orchestration.notify import Notifier, send_alert, send_sign_of_life
        from orchestration.observe import Observer, load_arrivals, save_arrivals
        from orchestration.settings import load_settings
        from orchestration.storage import Storage
        from orchestration.variables import AirflowVariables

        settings = load_settings()
        storage = Storage(settings)
        state = AirflowVariables()
        observer = Observer(storage.lake, storage.master_file, storage.now, load_arrivals(state))
        seen = observer.observe()
        for error in (seen.source_error, seen.offset_error, seen.heartbeat_error):
            if error:
                raise error
        save_arrivals(state, observer.arrivals)
        measured = assess(seen, settings)
        log.info("measured: %s", measured)
        notifier = Notifier("freshness", state, send_alert)
        unmet = []
        if chunker_mode() is ChunkerMode.RUN:
            unmet = settings_alerts(lambda section, name: conf.getfloat(section, name, fallback=None))
            # Nobody supervises a chunker that follows, so whatever was reported of it is over.
            of_follower = Notifier("chunker", state, send_alert)
            of_follower.record([])
            of_follower.deliver()
        notifier.record([*freshness_alerts(measured), *unmet])
        notifier.deliver()
        if settings.alive_connection:
            send_sign_of_life(settings.alive_connection)

    watch()
