"""What the files of the stack in containers say of doors and secrets, without an engine to run them."""

import re
from typing import Any

import pytest
import yaml

from tests.processes.pipeline import ROOT

_COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_SECRET_LIKE = re.compile("pass|token|secret|_key|credential", re.IGNORECASE)


@pytest.mark.parametrize("name", _SERVICES)
def test_a_service_is_reached_from_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in _SERVICES[name].get("ports", []))
    assert "network_mode" not in _SERVICES[name]


@pytest.mark.parametrize("name", _SERVICES)
def test_a_service_reads_secrets_from_their_volume_and_from_nowhere_else(name: str) -> None:
    service = _SERVICES[name]
    for given in (service.get("environment", {}), service.get("build", {}).get("args", {})):
        assert not [variable for variable in given if _SECRET_LIKE.search(variable)]
    mounted = [volume for volume in service["volumes"] if volume.startswith("secrets:")]
    assert mounted == ["secrets:/secrets" if name == "secrets" else "secrets:/secrets:ro"]
    assert not _SECRET_LIKE.search(" ".join(service.get("command", [])).replace("local.containers.secret_files", ""))


def test_an_image_keeps_no_secret() -> None:
    """What `ARG` and `ENV` name is in an image's history; what is mounted as a secret is not."""
    text = (ROOT / "Dockerfile").read_text()
    names = re.findall(r"^(?:ARG|ENV) (.*)$", text, flags=re.MULTILINE)
    assert names
    assert not [name for name in names if _SECRET_LIKE.search(name)]
    # An index's address may have a login in it: only stages of which nothing but files is taken may know it.
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


def test_what_lies_beside_the_sources_gets_into_no_image() -> None:
    first, *allowed = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert first == "*"
    assert {line for line in allowed if line.startswith("!")} <= {
        f"!{name}"
        for name in (
            "pyproject.toml",
            "uv.lock",
            "README.md",
            "LICENSE",
            "spark_jobs",
            "plugins",
            "dags",
            "local",
            "jobs.json",
            "docker",
        )
    }
