"""Keep the master file followed, in the chunker mode `follow`: every minute."""

from datetime import timedelta

from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.chunker_mode import ChunkerMode, chunker_mode
from orchestration.dag_defaults import TASK_DEFAULTS, run_deadline

MODE = chunker_mode()

with DAG(
    "supervise_chunker",
    description="Keeps a run of the chunker landing what the master file gets",
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC") if MODE is ChunkerMode.FOLLOW else None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    deadline=run_deadline("supervise_chunker", timedelta(minutes=3)),
    default_args=TASK_DEFAULTS,
    tags=["transaction-patterns", "chunker"],
    doc_md="""
### supervise_chunker

```
 chunker's job: exists? follows? ──────────────┐
 its live runs: one? time left? ───────────────┼─► plan ─► record alerts ─► start, cancel ─► deliver alerts, once
 waiting lines: does offset.csv still advance? ┘
```

For the chunker mode `follow` (Airflow's option `[transaction_patterns] chunker_mode`): a run of the chunker's job looks
at the master file every 5 seconds, and ends when its time is up. This DAG starts the next run `start_seconds` before
that, or at once if none is live. A run that leaves lines waiting while `offset.csv` does not advance is cancelled and
replaced. A permanent failure is an alert, and nothing is started until the master file or `offset.csv` changes.

In the mode `run` it has no schedule: `chunk_transactions` lands then.
""",
) as dag:

    @task(execution_timeout=timedelta(minutes=2), do_xcom_push=False)
    def follow() -> None:
        """Observe the chunker, start and cancel its runs, and notify people."""
        from orchestration.chunker_plan import supervise_follower
        from orchestration.follower_job import FollowerJob
        from orchestration.notify import Notifier, send_alert
        from orchestration.observe import Observer, load_arrivals
        from orchestration.settings import load_settings
        from orchestration.storage import Storage
        from orchestration.variables import AirflowVariables

        if MODE is not ChunkerMode.FOLLOW:
            raise AirflowSkipException("Airflow's chunker_mode is run: chunk_transactions lands")
        settings = load_settings()
        storage = Storage(settings)
        state = AirflowVariables()
        seen = Observer(storage.lake, storage.master_file, storage.now, load_arrivals(state)).observe_chunker()
        hook, token = DatabricksHook(settings.databricks_connection), str(get_current_context()["ti"].id)
        job = FollowerJob(hook, settings.chunker_job, token)
        supervise_follower(job, seen, settings, Notifier("chunker", state, send_alert))

    follow()
