"""Tokens that make Databricks start a run once, however often Airflow asks."""

import hashlib


def idempotency_token(job: str, run_id: str, try_number: int) -> str:
    """Return a token of at most 64 characters for one try of a task in one DAG run.

    The try is in it, or Databricks would hand a failed run back on every retry.
    """
    return f"{hashlib.sha256(f'{job}/{run_id}'.encode()).hexdigest()[:48]}-{try_number}"
