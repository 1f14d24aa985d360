"""Ports and secrets of the stack in containers, checked without a Docker engine."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.containers import READERS, create_secrets, share_secrets
from tests.harness.pipeline import ROOT

_COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_SECRET_LIKE = re.compile("pass|token|secret|_key|credential", re.IGNORECASE)


@pytest.mark.parametrize("name", _SERVICES)
def test_a_service_is_reachable_from_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in _SERVICES[name].get("ports", []))
    assert _SERVICES[name].get("network_mode", "none") == "none"


@pytest.mark.parametrize("name", _SERVICES)
def test_a_service_reads_secrets_from_their_volume_only(name: str) -> None:
    service = _SERVICES[name]
    for given in (service.get("environment", {}), service.get("build", {}).get("args", {})):
        assert not [variable for variable in given if _SECRET_LIKE.search(variable)]
    if name != "secrets":
        [mounted] = [volume for volume in service["volumes"] if "secrets" in volume]
        assert mounted in {f"{reader}-secrets:/secrets:ro" for reader in READERS}
    command = [word for word in service.get("command", []) if word != "secrets"]
    assert not _SECRET_LIKE.search(" ".join(command))


def test_an_image_contains_no_secret() -> None:
    """`ARG` and `ENV` end up in the history of an image, secrets that are mounted do not."""
    text = (ROOT / "Dockerfile").read_text()
    names = re.findall(r"^(?:ARG|ENV) (.*)$", text, flags=re.MULTILINE)
    assert names
    assert not [name for name in names if _SECRET_LIKE.search(name)]
    # The URL of an index may contain a password: only stages from which files are copied may have it.
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    images = {_COMPOSE["services"][name]["build"]["target"] for name in _SERVICES if "build" in _SERVICES[name]}
    assert images == {"pipeline", "postgres", "s3"}
    for stage in stages:
        kind = re.match(r"(\S+) AS (\w+)", stage)
        assert kind
        if kind.group(2) in {*images, "base"}:
            assert kind.group(1) in ("base", "${BASE_IMAGE}")
            assert "PYTHON_INDEX" not in stage
            assert "GOPROXY" not in stage


def test_only_the_sources_get_into_an_image() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    packaging = {"!pyproject.toml", "!uv.lock", "!README.md", "!LICENSE"}
    sources = {"!spark_jobs", "!plugins", "!dags", "!local", "!jobs.json", "!docker"}
    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} <= packaging | sources


def test_each_secret_is_created_once_for_its_owner_only(tmp_path: Path) -> None:
    created = create_secrets(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(created)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert create_secrets(tmp_path) == []


def test_each_reader_gets_its_secrets_and_no_others(tmp_path: Path) -> None:
    folders = [tmp_path / reader for reader in READERS]
    for folder in (tmp_path / "all", *folders):
        folder.mkdir()
    create_secrets(tmp_path / "all")
    for _ in range(2):
        share_secrets(tmp_path / "all", tmp_path)
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == set(READERS[folder.name])
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
        for path in folder.iterdir():
            assert path.read_text() == (tmp_path / "all" / path.name).read_text()


def test_no_two_stacks_share_a_secret(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        create_secrets(tmp_path / name)
    values = [path.read_text() for path in tmp_path.glob("*/*")]
    assert len(set(values)) == len(values)


def test_after_an_interrupted_start_only_the_missing_secrets_are_created(tmp_path: Path) -> None:
    create_secrets(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    (tmp_path / "airflow_jwt_secret").unlink()
    assert create_secrets(tmp_path) == ["airflow_jwt_secret"]
    assert (tmp_path / "postgres_password").read_text() == before["postgres_password"]
