"""Land new transactions of the master file every 5 seconds, in the chunker mode `run`."""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from orchestration.chunker_mode import ChunkerMode, chunker_mode
from orchestration.dag_defaults import TASK_DEFAULTS, run_deadline
from orchestration.job_operator import JobOperator
from orchestration.sensor import OffsetSensor
from orchestration.settings import settings_in_template
from orchestration.task_alerts import TaskRecovered

with DAG(
    "chunk_transactions",
    description="Lands the next transactions of the master file as chunks",
    # Late runs are skipped, not queued: a run depends on the offset, not on its logical date.
    schedule=CronTriggerTimetable("* * * * * */5", timezone="UTC") if chunker_mode() is ChunkerMode.RUN else None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    deadline=run_deadline("chunk_transactions", timedelta(minutes=5)),
    default_args=TASK_DEFAULTS,
    user_defined_macros={"settings": settings_in_template},
    tags=["transaction-patterns", "chunker"],
    doc_md="""
### chunk_transactions

```
 transactions.csv ──► watch_offset ──► land_chunks ──► chunk_<first>.csv, offset.csv
                      nothing new:      the chunker's Databricks job,
                      skipped           more chunks per run if it is behind
```

**watch_offset** compares the master file with `offset.csv`, and returns the backlog.
**land_chunks** runs the chunker's job. Running it again, or twice at once, lands nothing twice. Clearing, failing or
killing the task cancels the run in Databricks; clearing it after it has ended starts a new one.

In the chunker mode `follow` it has no schedule: `supervise_chunker` keeps a run of the job landing then.

Results: [Pattern detection](plugin/pattern-detection).
""",
) as dag:
    watch_offset = OffsetSensor(
        task_id="watch_offset",
        execution_timeout=timedelta(minutes=1),
        timeout=60,
        # Without anything to land, landing is over its failures as well.
        on_skipped_callback=TaskRecovered(and_tasks=("land_chunks",)),
    )
    land_chunks = JobOperator(
        task_id="land_chunks",
        databricks_conn_id="{{ settings().databricks_connection }}",
        job_name="{{ settings().chunker_job }}",
        job_parameters={
            "max-chunks": "{{ ti.xcom_pull(task_ids='watch_offset')['chunks'] }}",
            # Whatever mode the job is deployed for.
            "follow-seconds": "0",
        },
        polling_period_seconds=0.25,
        execution_timeout=timedelta(minutes=10),
    )
    watch_offset >> land_chunks
