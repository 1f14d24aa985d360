"""Pruning of Airflow's rows and logs of this product's DAGs, whose runs every 5 seconds leave those of 17,280 a day.

An Airflow may hold other DAGs, whose history is their owners' business.
"""

import os
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import DateTime, String, cast, column, create_engine, delete, exists, select, table
from sqlalchemy.exc import SQLAlchemyError

from orchestration.dag_ids import DAG_IDS

# Imported by path by the triggerer when a deadline is missed, and so the mark of this product's callbacks.
DEADLINE_CALLBACK = "orchestration.dag_defaults.notify_missed_deadline"
# Their rows go with those of all other tables that refer to them.
TABLES = ("dag_run", "dag_version", "log")
# Airflow up to 3.3.2 cannot filter this table by DAG; its rows have gone with their runs.
_HARMLESS_FAILURE = "did not clean them: ['deadline']"
# Airflow's default begins so; with another one, nobody can tell whose logs a folder holds.
_LOG_TEMPLATE = "dag_id={{ ti.dag_id }}/"


class PruningError(RuntimeError):
    """Raised when rows could not be deleted; the message has the end of the output, or the database's error."""


class LogsNotSeparableError(ValueError):
    """Raised when the logs of one DAG cannot be told from those of another."""


def prune_database(url: str, before: datetime) -> str:
    """Delete rows of this product's DAGs that are older than `before`, and return the output of `airflow db clean`.

    Airflow keeps tasks away from its database, so the command gets its address. The newest scheduled run of each DAG
    is kept.

    Args:
        url: the database, as an SQLAlchemy URL; passed in the environment, not on the command line.

    Raises:
        PruningError: a row that should be deleted was not.
    """
    command = [sys.executable, "-m", "airflow", "db", "clean", "--skip-archive", "--yes", "--error-on-cleanup-failure"]
    command += ["--dag-ids", ",".join(DAG_IDS), "--tables", ",".join(TABLES)]
    command += ["--clean-before-timestamp", before.isoformat()]
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode and _HARMLESS_FAILURE not in done.stderr:
        end = (done.stderr.strip() or done.stdout.strip())[-500:]
        msg = f"`airflow db clean` failed with exit code {done.returncode}: {end}"
        raise PruningError(msg)
    _prune_callbacks(url, before)
    return done.stdout


def _prune_callbacks(url: str, before: datetime) -> None:
    """Delete the callbacks of missed deadlines whose run is gone; `airflow db clean` cannot tell whose they are."""
    callbacks = table("callback", column("id"), column("created_at", DateTime(timezone=True)), column("data"))
    deadlines = table("deadline", column("callback_id"))
    of_a_run = exists(select(deadlines.c.callback_id).where(deadlines.c.callback_id == callbacks.c.id))
    ours = cast(callbacks.c.data, String(10_000)).contains(DEADLINE_CALLBACK)
    try:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(delete(callbacks).where(callbacks.c.created_at < before, ours, ~of_a_run))
        engine.dispose()
    except SQLAlchemyError as error:
        msg = f"callbacks of missed deadlines could not be deleted from Airflow's database: {error}"
        raise PruningError(msg) from error


def prune_logs(folder: Path, template: str, before: datetime) -> int:
    """Delete log files of this product's tasks last written before a time, and folders left empty.

    Args:
        folder: with the logs of all DAGs; `base_log_folder` in Airflow's settings.
        template: `log_filename_template` in Airflow's settings.

    Returns:
        The number of files.

    Raises:
        LogsNotSeparableError: the logs of a DAG are not in a folder of its own.
    """
    if not template.startswith(_LOG_TEMPLATE):
        found = f"Airflow's `log_filename_template` begins with {template[:40]!r}, not with {_LOG_TEMPLATE!r}"
        msg = f"{found}, so the logs of these DAGs cannot be told from others; delete them where they are"
        raise LogsNotSeparableError(msg)
    return sum(_prune_folder(folder / f"dag_id={dag_id}", before) for dag_id in DAG_IDS)


def _prune_folder(folder: Path, before: datetime) -> int:
    files = 0
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(parent, name)
            # Another run may prune at the same time.
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < before.timestamp():
                    path.unlink()
                    files += 1
        if Path(parent) != folder:
            # Not empty, or a run is just writing its log there.
            with suppress(OSError):
                Path(parent).rmdir()
    return files
