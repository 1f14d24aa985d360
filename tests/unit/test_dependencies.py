"""Every package that a build, a test or an installation downloads is locked with its hash."""

import re
import tomllib
from typing import Any

import pytest

from tests.harness.pipeline import ROOT


def _packages(name: str) -> list[dict[str, Any]]:
    return list(tomllib.loads((ROOT / name).read_text())["package"])


@pytest.mark.parametrize("lock", ["uv.lock", "terraform/scan.py.lock"])
def test_every_locked_file_is_known_by_its_hash(lock: str) -> None:
    packages = _packages(lock)
    assert len(packages) > 50
    for package in packages:
        if "registry" not in package["source"]:
            assert package["name"] == "transaction-patterns", "everything else comes from a registry"
            continue
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]


def test_uv_itself_is_installed_as_locked() -> None:
    """`make setup` installs it before anything can read uv.lock."""
    [locked] = [package for package in _packages("uv.lock") if package["name"] == "uv"]
    bootstrap = (ROOT / "local" / "uv.txt").read_text()
    assert bootstrap.startswith(f"uv=={locked['version']} ")
    hashes = {file["hash"] for file in (*locked["wheels"], locked["sdist"])}
    assert set(re.findall(r"--hash=(\S+)", bootstrap)) == hashes


def test_building_the_wheel_downloads_no_build_backend() -> None:
    """uv contains the backend of its own versions."""
    [required] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    [locked] = [package for package in _packages("uv.lock") if package["name"] == "uv"]
    assert re.fullmatch(rf"uv_build>={re.escape(locked['version'].rpartition('.')[0])},<[0-9.]+", required)
