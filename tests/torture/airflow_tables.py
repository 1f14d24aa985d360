"""Days of the four DAGs, 17,280 runs of the chunker each, in Airflow's own database, cleaned up as `maintain` does."""

import os
import subprocess
import sys
import time
from pathlib import Path

from local.airflow import database_url
from tests.dags.airflow_days import A_DAYS_RUNS, days_go_by, grown
from tests.torture.survived import Survived

CHAPTER = "airflow"
DAYS = 4
# The file is as large as two days need: rows are deleted after the next day's are there.
_MOST_GROWTH = 1.1


def airflow_tables(directory: Path) -> list[Survived]:
    """Let days go by; compare the rows of every table, and the file, after the last with those after the second."""
    # Airflow writes to its home: never that of whoever runs this.
    os.environ["AIRFLOW_HOME"] = str(directory)
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    began, days, megabytes = time.monotonic(), [], []
    for day in days_go_by(database_url(directory), DAYS):
        days.append(day)
        megabytes.append((directory / "airflow.db").stat().st_size / 1e6)
    failures = [f"airflow: rows of {table}, after the second and the last of {DAYS} days" for table in grown(days)]
    if megabytes[-1] > _MOST_GROWTH * megabytes[1]:
        failures.append(f"airflow: the database grows from {megabytes[1]:.0f} to {megabytes[-1]:.0f} MB")
    rows = ", ".join(f"{sum(day.rows.values()):,}" for day in days)
    note = f"rows left {rows}; {megabytes[-1]:.0f} MB; a clean-up takes {max(day.seconds for day in days):.0f} s"
    what = f"days of {A_DAYS_RUNS['chunk_transactions']:,} chunker runs"
    return [Survived(CHAPTER, what, DAYS, failures, note, time.monotonic() - began)]
