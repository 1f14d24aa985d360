"""Airflow's SQLite database: a new one is a copy, because migrating an empty one takes many seconds."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from local import processes

_MIGRATION_SECONDS = 120


class DatabaseNotCreatedError(RuntimeError):
    """Raised when Airflow could not migrate its database; the message names the log."""


def create_database(home: Path, log: Path, environment: Mapping[str, str], python: str = sys.executable) -> None:
    """Create the database of the Airflow whose home is `home`; one that exists is migrated.

    The first database of each version of Airflow is kept, empty, in the Python environment, and later ones are copies.

    Args:
        log: for the output of a migration.
        environment: Airflow's settings.
        python: the interpreter of Airflow; another one than this may have other tables, so its database is not a copy.

    Raises:
        DatabaseNotCreatedError: the migration failed or took longer than two minutes.
    """
    database = home / "airflow.db"
    if database.exists() or python != sys.executable:
        _migrate(log, environment, python)
        return
    empty = Path(sys.prefix) / f"airflow-{version('apache-airflow')}.db"
    if empty.exists():
        shutil.copyfile(empty, database)
        return
    _migrate(log, environment, python)
    _keep(database, empty)


def _keep(database: Path, empty: Path) -> None:
    """Copy a new database in one step: another process may be doing the same."""
    with tempfile.NamedTemporaryFile(dir=empty.parent, prefix="airflow-db-", delete=False) as copy:
        copy.write(database.read_bytes())
    Path(copy.name).replace(empty)


def _migrate(log: Path, environment: Mapping[str, str], python: str) -> None:
    migration = processes.start([python, "-m", "airflow", "db", "migrate"], log, environment)
    try:
        code = migration.wait(_MIGRATION_SECONDS)
    except subprocess.TimeoutExpired as error:
        msg = f"Airflow's database was not created within {_MIGRATION_SECONDS} s; see {log}"
        raise DatabaseNotCreatedError(msg) from error
    finally:
        processes.stop(migration)
    if code:
        msg = f"Airflow's database could not be created (exit code {code}); see {log}"
        raise DatabaseNotCreatedError(msg)
