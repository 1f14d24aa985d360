"""Airflow plugin for a local Airflow: an API server on SQLite answers writing requests one after the other."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import conf

from orchestration.sqlite_writes import OneWriteAtATime


def _middlewares() -> list[dict[str, Any]]:
    # Tasks do not know the database.
    if not conf.get("database", "sql_alchemy_conn", fallback="").startswith("sqlite"):
        return []
    return [{"middleware": OneWriteAtATime, "name": "One write at a time"}]


class SqlitePlugin(AirflowPlugin):
    """Does nothing on any other database."""

    name = "transaction_patterns_sqlite"
    fastapi_root_middlewares = _middlewares()
