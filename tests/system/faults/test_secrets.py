"""After all faults, no secret is in a file, table or process list, and unauthenticated requests are refused."""

import stat
from pathlib import Path

import httpx
import psutil
import pytest

from local.bucket import BUCKET
from tests.system.faults.running import Running

pytestmark = [pytest.mark.faults, pytest.mark.slow]


def secrets_of(running: Running) -> dict[str, str]:
    """Return every secret of the stack; each is random."""
    airflow = running.stack.airflow
    return {
        "S3 secret key": running.stack.s3.environment["AWS_SECRET_ACCESS_KEY"],
        "Databricks token": running.stack.databricks.token,
        "Airflow password": airflow.password,
        "webhook": running.ops_token,
        **{
            name: airflow.environment[name]
            for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET")
        },
    }


def holders(running: Running, texts: dict[str, bytes]) -> list[str]:
    return [f"{name} in {place}" for place, text in texts.items() for name, secret in secrets_of(running).items()
            if secret.encode() in text]  # fmt: skip


def test_all_secrets_were_in_use(running: Running) -> None:
    """Without this, the tests below would also pass for a stack that never ran."""
    running.append()
    running.wait_until_all_is_committed()
    assert all(len(secret) >= 16 for secret in secrets_of(running).values())
    assert len(running.command_lines) > 10


def test_no_secret_is_in_logs_databases_or_any_other_file(running: Running) -> None:
    """The databases of Airflow and the local Databricks are SQLite files."""
    directory = running.layout.directory
    passwords = directory / "airflow" / "passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600, "readable by its owner only"
    files = {str(path): _bytes(path) for path in directory.rglob("*") if path.is_file() and path != passwords}
    assert any(name.endswith("airflow.db") for name in files)
    assert sum("attempt=" in name for name in files) > 3, "logs of Airflow's tasks"
    assert any(name.endswith("databricks.db") for name in files)
    assert holders(running, files) == []


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        # Airflow is running and deletes files.
        return b""


def test_no_secret_is_in_the_lake_or_its_table_logs(running: Running) -> None:
    keys = [
        entry["Key"]
        for page in running.stack.s3.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        for entry in page.get("Contents", [])
    ]
    assert any("_delta_log" in key for key in keys)
    assert holders(running, {key: running.pipeline.read(key) for key in keys}) == []


def test_no_secret_is_in_the_process_list(running: Running) -> None:
    assert any("spark_jobs" in line or "airflow" in line for line in running.command_lines)
    assert holders(running, {line: line.encode() for line in running.command_lines}) == []


def test_everything_listens_on_loopback_only(running: Running) -> None:
    stack = running.stack
    roots = [stack.s3.process, stack.databricks.process.pid, *(c.pid for c in stack.airflow.components.values())]
    processes = [p for root in roots for p in [psutil.Process(root), *psutil.Process(root).children(recursive=True)]]
    listening: set[str] = set()
    for process in processes:
        try:
            listening |= {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
        except psutil.Error:
            continue
    assert listening
    assert listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


@pytest.mark.parametrize("credentials", [{}, {"Authorization": "Bearer wrong"}], ids=["none", "wrong"])
def test_unauthenticated_requests_are_refused(running: Running, credentials: dict[str, str]) -> None:
    refused = (401, 403)
    for url in (
        f"{running.stack.databricks.host}/api/2.1/jobs/list",
        f"{running.stack.airflow.url}/api/v2/connections",
        f"{running.stack.airflow.url}/pattern-detection/api/state",
    ):
        assert httpx.get(url, headers=credentials).status_code in refused, url
