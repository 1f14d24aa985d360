"""Keeps Airflow itself small: a run every 5 seconds leaves 17,280 runs a day, with their rows and logs."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path


class PruningError(RuntimeError):
    """Raised where Airflow's database could not be pruned; the message has the command's last words."""


def prune_database(url: str, before: datetime) -> str:
    """Delete what Airflow has kept from before a time, by its own command; return what that said.

    A task may not reach the database that Airflow runs on, so the command is told where it is.

    Args:
        url: the database, as SQLAlchemy has it. It goes to the command in its environment, not on its command line.

    Raises:
        PruningError: the command failed.
    """
    command = [sys.executable, "-m", "airflow", "db", "clean", "--skip-archive", "--yes", "--error-on-cleanup-failure"]
    command += ["--clean-before-timestamp", before.isoformat()]
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last_words = (done.stderr.strip() or done.stdout.strip())[-500:]
        msg = f"`airflow db clean` failed with exit code {done.returncode}: {last_words}"
        raise PruningError(msg)
    return done.stdout


def prune_logs(folder: Path, before: datetime) -> int:
    """Delete log files that were last written before a time, and folders that are empty then; return how many files."""
    files = 0
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(parent, name)
            try:
                if path.lstat().st_mtime < before.timestamp():
                    path.unlink()
                    files += 1
            except FileNotFoundError:
                # Another run prunes too.
                continue
        if Path(parent) != folder:
            _remove_if_empty(Path(parent))
    return files


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # A run is just writing its log there.
        return
