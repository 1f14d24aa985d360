"""Airflow on a laptop."""

from pathlib import Path

from sqlalchemy import create_engine, text

from local.airflow import database_url


def test_who_wants_to_write_to_airflows_database_waits_a_minute_for_the_others(tmp_path: Path) -> None:
    with create_engine(database_url(tmp_path)).connect() as connection:
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 60_000
