"""Keep the lake, and Airflow itself, small: once a day."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.dag_defaults import TASK_DEFAULTS, run_deadline
from orchestration.job_operator import JobOperator
from orchestration.settings import load_settings, settings_in_template

log = logging.getLogger(__name__)

with DAG(
    "maintain",
    description="Compacts the state and deletes old chunks, files, rows and logs",
    schedule=CronTriggerTimetable("30 2 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    deadline=run_deadline("maintain", timedelta(hours=2)),
    default_args=TASK_DEFAULTS,
    user_defined_macros={"settings": settings_in_template},
    tags=["transaction-patterns", "maintenance"],
    doc_md="""
### maintain

```
 maintain_state ─► state/pairs: one row per pair      prune_database ─► Airflow's rows of old runs
   (a Databricks   state/*: vacuumed, logs cleaned    prune_logs ─────► log files of old runs
    job)           landing_zone/, quarantine/: old
                   committed files are deleted
```

**maintain_state** is safe while detector and chunker write, and never touches uncommitted data.
**prune_database** needs the setting `metadata_connection`: a connection whose password is the SQLAlchemy URL of
Airflow's own database. In MWAA, where no task reaches it, the setting `mwaa_environment` takes its place: runs are then
deleted through the REST API. Without either the task is skipped; `docs/reference/dags.md` has the command.
**prune_logs** deletes files on its own machine. If logs are kept elsewhere (S3, CloudWatch), it says so and is skipped.
Both delete what belongs to this product's DAGs, and nothing else.

Results: [Pattern detection](plugin/pattern-detection).
""",
) as dag:
    maintain_state = JobOperator(
        task_id="maintain_state",
        databricks_conn_id="{{ settings().databricks_connection }}",
        job_name="{{ settings().maintenance_job }}",
        polling_period_seconds=5,
        do_xcom_push=False,
        execution_timeout=timedelta(hours=1),
    )

    @task(execution_timeout=timedelta(hours=1), do_xcom_push=False)
    def prune_database() -> None:
        """Delete Airflow's rows of old runs."""
        from airflow.sdk import BaseHook

        from orchestration.prune import PruningError
        from orchestration.prune import prune_database as prune
        from orchestration.prune_runs import MwaaRestApi, prune_runs

        settings = load_settings()
        before = datetime.now(UTC) - timedelta(days=settings.keep_runs_days)
        if settings.metadata_connection:
            url = BaseHook.get_connection(settings.metadata_connection).password
            if not url:
                name = settings.metadata_connection
                raise PruningError(f"connection {name} has no password; it must be the URL of Airflow's database")
            log.info(prune(url, before))
        elif settings.mwaa_environment:
            runs = prune_runs(MwaaRestApi(settings.mwaa_environment, settings.aws_connection), before)
            log.info("%s runs deleted from MWAA environment %s", runs, settings.mwaa_environment)
        else:
            raise AirflowSkipException(
                "neither `metadata_connection` nor `mwaa_environment` is set; run `airflow db clean` where Airflow "
                "runs, as in docs/reference/dags.md"
            )

    @task(execution_timeout=timedelta(minutes=30), do_xcom_push=False)
    def prune_logs() -> None:
        """Delete log files of old runs."""
        from airflow.sdk import conf

        from orchestration.prune import LogsNotSeparableError
        from orchestration.prune import prune_logs as prune

        before = datetime.now(UTC) - timedelta(days=load_settings().keep_runs_days)
        folder = Path(conf.get("logging", "base_log_folder"))
        try:
            files = prune(folder, conf.get("logging", "log_filename_template"), before)
        except LogsNotSeparableError as error:
            raise AirflowSkipException(str(error)) from error
        deleted = f"{files} log files deleted from {folder}"
        if conf.getboolean("logging", "remote_logging"):
            place = conf.get("logging", "remote_base_log_folder") or "a remote store"
            msg = f"{deleted}, but logs are kept in {place}; let them expire there (S3 lifecycle, CloudWatch retention)"
            raise AirflowSkipException(msg)
        log.info(deleted)
        executor = conf.get("core", "executor")
        if executor != "LocalExecutor":
            log.warning("%s: log files on other workers are not deleted; let them expire there", executor)

    prune_database()
    prune_logs()
