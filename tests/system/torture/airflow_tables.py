"""Airflow's database after days with 17,280 chunker runs each, pruned daily as `maintain` does."""

import os
import subprocess
import sys
import time
from pathlib import Path

from local.airflow import database_url
from tests.integration.dags.airflow_days import RUNS_PER_DAY, grown_tables, simulate_days
from tests.system.torture.survived import Survived

CHAPTER = "airflow"
DAYS = 4
# The file has room for two days, since a day's rows are deleted after the next day's were written.
_MAX_GROWTH = 1.1


def airflow_tables(directory: Path) -> list[Survived]:
    """Simulate days; compare table rows and file size after the last day with those after the second."""
    # Airflow writes to its home; leave the user's alone.
    os.environ["AIRFLOW_HOME"] = str(directory)
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    began, days, megabytes = time.monotonic(), [], []
    for day in simulate_days(database_url(directory), DAYS):
        days.append(day)
        megabytes.append((directory / "airflow.db").stat().st_size / 1e6)
    failures = [f"airflow: rows of {table} from the second to the last of {DAYS} days" for table in grown_tables(days)]
    if megabytes[-1] > _MAX_GROWTH * megabytes[1]:
        failures.append(f"airflow: the database grows from {megabytes[1]:.0f} to {megabytes[-1]:.0f} MB")
    rows = ", ".join(f"{sum(day.rows.values()):,}" for day in days)
    note = f"rows kept {rows}; {megabytes[-1]:.0f} MB; pruning takes {max(day.seconds for day in days):.0f} s"
    what = f"days of {RUNS_PER_DAY['chunk_transactions']:,} chunker runs"
    return [Survived(CHAPTER, what, DAYS, failures, note, time.monotonic() - began)]
