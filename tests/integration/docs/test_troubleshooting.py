"""Every error on the page "Troubleshooting" is provoked and compared with the page."""

import os
import re
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local import java
from local.jars import fetch_jars
from local.preflight import check_files, check_memory, check_ports
from spark_jobs.engine.session import prepared
from spark_jobs.errors import (
    AccessModeError,
    PermanentError,
    StateError,
    TableDamagedError,
    TableFeatureError,
    UnsuitableStoreError,
)
from spark_jobs.lake.layout import chunk_path
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import VERSION_PROPERTY
from spark_jobs.patterns.built_in import parse_thresholds
from spark_jobs.store.conditions import verify_conditional_writes
from spark_jobs.store.failures import storage_failure
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import StoredObject, open_objects
from tests.harness.delta_log import change_metadata, checkpoint, cut, switch_on
from tests.harness.pipeline import ROOT
from tests.integration.docs.pages import blocks
from tests.unit.engine.test_session import ConnectSession, as_spark
from tests.unit.lake.test_state_tables import run_chunks

PAGE = ROOT / "docs" / "troubleshooting.md"
_SHOWN = "\n".join(block.text for block in blocks(PAGE) if block.language == "text")


def without_numbers(text: str) -> str:
    return re.sub(r"\d+(\.\d+)*|0x\w+", "N", text)


def assert_shown(said: object) -> None:
    """Assert that the page shows a text, ignoring numbers."""
    assert without_numbers(str(said).strip()) in without_numbers(_SHOWN)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The relative path of a newcomer's file."""
    monkeypatch.chdir(tmp_path)
    return Path("my.csv")


def test_an_unsupported_python(tmp_path: Path) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        old = tmp_path / name
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2"\nexit 1\n')
        old.chmod(0o755)
    # A fresh clone, without the environment of this one.
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for needed in ("pyproject.toml", "uv.lock", "local/java.py"):
        (tmp_path / needed).parent.mkdir(exist_ok=True)
        (tmp_path / needed).touch()
    done = subprocess.run(
        ["make", "--no-print-directory", "setup"],
        cwd=tmp_path,
        env={**os.environ, "MAKEFLAGS": "", "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert_shown(done.stdout)


def test_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_fetch_with_install_jdk", "_fetch_with_apt"):
        monkeypatch.setattr(java, name, lambda: None)
    monkeypatch.setattr(java, "_homes", lambda: iter(()))
    with pytest.raises(SystemExit) as raised:
        java.fetch_java()
    assert_shown(raised.value)


def test_no_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=9")
    with pytest.raises(SystemExit) as raised:
        fetch_jars(tmp_path / "jars", tmp_path / "jars.log")
    assert_shown(str(raised.value).replace(str(tmp_path), ".venv"))
    assert not (tmp_path / "jars").exists()


def test_a_port_in_use() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="taken") as raised:
            check_ports({"airflow": other.getsockname()[1]})
    assert_shown(f"failed: {raised.value}")


def test_not_enough_memory() -> None:
    with pytest.raises(OSError, match="free memory") as raised:
        check_memory(1_400_000_000)
    assert_shown(f"failed: {raised.value}")


@pytest.mark.parametrize("content", [b"customer,gender,merchant,category\n", b"\x1f\x8b\x08\x00"])
def test_the_wrong_file(mine: Path, content: bytes) -> None:
    mine.write_bytes(content)
    with pytest.raises(PermanentError) as raised:
        check_files(mine, None)
    assert_shown(f"failed: {raised.value}")


def test_a_missing_file(mine: Path) -> None:
    with pytest.raises(OSError, match="cannot be read") as raised:
        check_files(mine, None)
    assert_shown(f"failed: {raised.value}".replace(str(mine.parent.absolute()), "/home/me/transaction-patterns"))


def test_an_unknown_threshold() -> None:
    with pytest.raises(PermanentError) as raised:
        parse_thresholds(["child=1"])
    assert_shown(f"failed: {raised.value}")


STATE = "s3://bucket/lake/state/pairs"


def test_a_refusal_of_the_store() -> None:
    answer = "403 Forbidden: <Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    assert_shown(storage_failure("s3://bucket/lake/offset.csv", OSError(answer)))


def test_a_store_that_ignores_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_objects("s3://bucket/lake")
    for name in ("create", "replace"):
        monkeypatch.setattr(lake, name, lambda *_: True)
    monkeypatch.setattr(lake, "find", lambda _: StoredObject(b"-", 1, "", datetime.now(UTC)))
    with pytest.raises(UnsuitableStoreError) as raised:
        verify_conditional_writes(lake, chunk_path(0))
    assert_shown(raised.value)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The pairs of a state without lines, with a checkpoint."""
    StateTables(open_objects(tmp_path.as_uri()))._pairs.handle.create_checkpoint()
    return tmp_path / "state" / "pairs"


def assert_shown_of(error: Exception, state: Path) -> None:
    assert_shown(str(error).replace(state.as_uri(), STATE))


def test_a_table_feature(state: Path) -> None:
    switch_on(state, reader=["deletionVectors"])
    with pytest.raises(TableFeatureError) as raised:
        open_table(state.as_uri(), "detector")
    assert_shown_of(raised.value, state)


def test_a_damaged_checkpoint(state: Path) -> None:
    cut(checkpoint(state), 100)
    with pytest.raises(TableDamagedError) as raised:
        open_table(state.as_uri(), "detector")
    assert_shown_of(raised.value, state)


def test_a_missing_data_file(tmp_path: Path) -> None:
    run_chunks(open_objects(tmp_path.as_uri()), 0)
    state = tmp_path / "state" / "pairs"
    [file] = state.glob("*.parquet")
    file.unlink()
    with pytest.raises(TableDamagedError) as raised:
        StateTables(open_objects(tmp_path.as_uri())).load()
    assert_shown(str(raised.value).replace(file.as_uri(), f"{STATE}/part-00000-8bc0.parquet"))


def test_another_access_mode() -> None:
    with pytest.raises(AccessModeError) as raised:
        prepared(as_spark(ConnectSession()))
    assert_shown(raised.value)


@pytest.mark.parametrize("properties", [{}, {VERSION_PROPERTY: "4"}], ids=["missing", "newer"])
def test_an_unusable_state_version(state: Path, properties: dict[str, str]) -> None:
    change_metadata(state, description="", configuration=properties)
    with pytest.raises(StateError) as raised:
        StateTables(open_objects(state.parent.parent.as_uri()))
    assert_shown_of(raised.value, state)
