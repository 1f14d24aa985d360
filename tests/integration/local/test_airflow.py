"""The local Airflow."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from local.airflow import database_url, local_airflow


def test_the_busy_timeout_of_airflows_database_is_60_seconds(tmp_path: Path) -> None:
    with create_engine(database_url(tmp_path)).connect() as connection:
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 60_000


@pytest.mark.slow
def test_requests_that_write_at_the_same_time_are_all_answered(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with (
        local_airflow(tmp_path / "airflow", tmp_path / "logs", {}, only=("api-server",)) as airflow,
        airflow.client() as client,
        ThreadPoolExecutor(8) as clients,
    ):
        variables = [{"key": str(number), "value": ""} for number in range(40)]
        answers = clients.map(lambda variable: client.post("/variables", json=variable).status_code, variables)
        assert set(answers) == {201}
