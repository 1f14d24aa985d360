"""Airflow's command line in a warm process: `tests.harness.airflow:main`."""

import sys

from airflow.__main__ import main as airflow


def main(arguments: list[str]) -> int:
    """Run a command of `airflow`."""
    sys.argv = ["airflow", *arguments]
    airflow()  # type: ignore[no-untyped-call]
    return 0
