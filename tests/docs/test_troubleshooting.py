"""Every error on the page "Troubleshooting" is provoked and compared with the page."""

import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from local import java
from local.jars import fetch_jars
from local.preflight import check_files, check_memory, check_ports
from spark_jobs.errors import PermanentError
from spark_jobs.patterns.built_in import parse_thresholds
from tests.docs.pages import ROOT, blocks

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
