"""The lock file covers every package."""

import tomllib
from pathlib import Path

LOCK = Path(__file__).parents[2] / "uv.lock"


def test_every_locked_file_is_known_by_its_hash() -> None:
    packages = tomllib.loads(LOCK.read_text())["package"]
    assert len(packages) > 100
    for package in packages:
        if "registry" not in package["source"]:
            assert package["name"] == "transaction-patterns", "everything else comes from a registry"
            continue
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]
