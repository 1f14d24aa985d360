"""Every minute: measure in the data how fresh it is, and alert where it is not."""

import logging
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Variable, task

from orchestration.deadline import deadline
from orchestration.task_defaults import TASK_DEFAULTS

log = logging.getLogger(__name__)

# Of these many latest lines the quarantined ones are counted.
# What waits in the master file, as the last look found it: an Airflow variable.
_ARRIVALS = "transaction_patterns_arrivals"

with DAG(
    "watch_freshness",
    description="SLA alerts from the data itself",
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    deadline=deadline("watch_freshness", timedelta(minutes=3)),
    default_args=TASK_DEFAULTS,
    tags=["transaction-patterns", "sla"],
    doc_md="""
### watch_freshness

```
 transactions.csv ─ not landed for how long? ─┐
 landing_zone/ ─── not committed for how long?├─► levels ─► alert, once, and again when it is over
 quarantine/ ───── which share?               │
 detections ────── how many wait for a file? ─┘
```

It goes by the data, not by the states of tasks: a chunker that succeeds and lands nothing is found. Levels and
recipients are settings (the Airflow variable `transaction_patterns`).

What came of it: [Pattern detection](plugin/pattern-detection).
""",
) as dag:

    @task(execution_timeout=timedelta(minutes=2), do_xcom_push=False)
    def watch() -> None:
        """Measure, judge, tell."""
        from orchestration.arrivals import Arrival, format_arrivals, note_arrival, parse_arrivals
        from orchestration.freshness import Freshness, judge
        from orchestration.lake import Lake
        from orchestration.load_settings import load_settings
        from orchestration.notifier import tell
        from spark_jobs.lake.quarantine import QUARANTINE_WINDOW_LINES

        settings = load_settings()
        lake, now = Lake(settings), datetime.now(UTC)
        source, offset, heartbeat = lake.source(), lake.offset(), lake.heartbeat()
        landed = offset.next_line if offset else 0
        next_byte = offset.next_byte if offset else 0
        arrivals: tuple[Arrival, ...] = ()
        if lake.has_finished_line(next_byte, source.size):
            noted = parse_arrivals(Variable.get(_ARRIVALS, default=[], deserialize_json=True))
            arrivals = note_arrival(noted, source.size, source.modified_at, next_byte)
        Variable.set(_ARRIVALS, format_arrivals(arrivals), serialize_json=True)
        waiting_since = lake.landed_at(heartbeat.committed_line if heartbeat else 0)
        latest = min(landed, QUARANTINE_WINDOW_LINES)
        measured = Freshness(
            landing_age=(now - arrivals[0].at).total_seconds() if arrivals else 0,
            commit_age=(now - waiting_since).total_seconds() if waiting_since else 0,
            quarantine_share=lake.quarantined_lines(landed - latest) / latest if latest else 0,
            waiting=heartbeat.waiting if heartbeat else 0,
        )
        log.info("measured: %s", measured)
        tell("freshness", judge(measured, settings), settings.alert_connection)

    watch()
