"""The local Airflow."""

from pathlib import Path

from sqlalchemy import create_engine, text

from local.airflow import database_url


def test_the_busy_timeout_of_airflows_database_is_60_seconds(tmp_path: Path) -> None:
    with create_engine(database_url(tmp_path)).connect() as connection:
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 60_000
