"""Pruning of Airflow's own rows and logs: a run every 5 seconds leaves those of 17,280 runs a day."""

import os
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path


class PruningError(RuntimeError):
    """Raised when `airflow db clean` failed; the message has the end of its output."""


def prune_database(url: str, before: datetime) -> str:
    """Delete rows older than `before` with `airflow db clean`, and return its output.

    Airflow keeps tasks away from its database, so the command gets its address.

    Args:
        url: the database, as an SQLAlchemy URL; passed in the environment, not on the command line.

    Raises:
        PruningError: the command failed.
    """
    command = [sys.executable, "-m", "airflow", "db", "clean", "--skip-archive", "--yes", "--error-on-cleanup-failure"]
    command += ["--clean-before-timestamp", before.isoformat()]
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        end = (done.stderr.strip() or done.stdout.strip())[-500:]
        msg = f"`airflow db clean` failed with exit code {done.returncode}: {end}"
        raise PruningError(msg)
    return done.stdout


def prune_logs(folder: Path, before: datetime) -> int:
    """Delete log files last written before a time, and folders left empty; return the number of files."""
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
