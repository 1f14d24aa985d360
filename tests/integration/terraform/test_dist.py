"""What clusters and MWAA install: complete, pinned, with hashes, and without replacing a platform's own packages."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.integration.terraform.terraform import TERRAFORM

_SPEC = importlib.util.spec_from_file_location("dist", TERRAFORM / "dist.py")
assert _SPEC
assert _SPEC.loader
dist = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(dist)

_PYTHON_312 = {"python_version": "3.12", "python_full_version": "3.12.3", "sys_platform": "linux", "extra": ""}
_PROJECT = tomllib.loads((TERRAFORM.parent / "pyproject.toml").read_text())


def pins(text: str) -> dict[str, str]:
    """Return the versions in a requirements file that apply to Python 3.12."""
    found = [Requirement(entry.split(" --hash")[0]) for entry in dist.requirements_in(text)]
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in found
        if one.marker is None or one.marker.evaluate(_PYTHON_312)
    }


def needed(package: str) -> list[Requirement]:
    """Return the requirements of an installed package, or of our wheel, on Python 3.12."""
    lines = _PROJECT["project"]["dependencies"] if package == "transaction-patterns" else requires(package) or []
    found = map(Requirement, lines)
    return [one for one in found if one.marker is None or one.marker.evaluate(_PYTHON_312)]


def test_a_cluster_installs_exactly_what_its_runtime_lacks() -> None:
    """Whatever is not installed, the runtime has in a version that fits; a second pandas or pyarrow would break it."""
    runtime = pins((Path(__file__).parent / "facts" / "dbr-17.3.txt").read_text())
    installed = pins(dist.cluster_requirements())
    for package in ("transaction-patterns", *installed):
        for one in needed(package):
            name = canonicalize_name(one.name)
            version = installed.get(name) or runtime.get(name)
            assert version, f"{package} needs {one}: the runtime has none"
            assert one.specifier.contains(version), f"{package} needs {one}, not {version}"
            if name in installed and name in runtime:
                assert not one.specifier.contains(runtime[name]), f"the runtime's own {name} fits {package}"


def test_every_package_of_a_cluster_has_a_hash() -> None:
    entries = dist.requirements_in(dist.cluster_requirements())
    assert {re.split("[= ]", entry)[0] for entry in entries} == set(dist.RUNTIME_LACKS)
    assert all(re.search(r"==\S+ .*--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


def test_mwaas_packages_are_complete_under_what_its_image_enforces() -> None:
    locked = pins((dist.MWAA / "requirements.txt").read_text())
    for name, version in pins((dist.MWAA / "enforced.txt").read_text()).items():
        assert locked.get(name, version) == version, f"MWAA enforces {name} {version}"
    providers = [Requirement(line) for line in _PROJECT["dependency-groups"]["airflow"] if "providers" in line]
    for one in [*needed("transaction-patterns"), *providers]:
        assert one.specifier.contains(locked[canonicalize_name(one.name)]), one
    for package in ("apache-airflow-providers-databricks", "apache-airflow-providers-amazon", "deltalake", "obstore"):
        for one in needed(package):
            assert one.specifier.contains(locked[canonicalize_name(one.name)]), f"{package} needs {one}"


def test_every_package_for_mwaa_is_bundled_with_its_hash() -> None:
    bundled = dist.bundled_for_mwaa()
    assert all(re.fullmatch(r"\S+==\S+ --hash=sha256:[0-9a-f]{64}", entry) for entry in bundled)
    enforced = pins((dist.MWAA / "enforced.txt").read_text())
    locked = pins((dist.MWAA / "requirements.txt").read_text())
    assert {canonicalize_name(entry.split("==")[0]) for entry in bundled} == locked.keys() - enforced.keys()


def test_mwaa_installs_from_plugins_zip_alone(tmp_path: Path) -> None:
    """A private web server has no internet."""
    wheel = tmp_path / "transaction_patterns-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    dist.zip_plugins(tmp_path / "plugins.zip", [wheel])
    dist.zip_plugins(tmp_path / "again.zip", [wheel])
    assert (tmp_path / "plugins.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    names = set(zipfile.ZipFile(tmp_path / "plugins.zip").namelist())
    assert {wheel.name, "constraints.txt", "pattern_page_plugin.py"} <= names
    lines = dist.mwaa_requirements(wheel.name).splitlines()
    assert lines[:3] == [
        "--find-links /usr/local/airflow/plugins",
        "--no-index",
        "--constraint /usr/local/airflow/plugins/constraints.txt",
    ]
    assert f"/usr/local/airflow/plugins/{wheel.name}" in lines


@pytest.mark.slow
def test_pip_installs_a_hashed_wheel_next_to_a_runtimes_packages_and_refuses_another_one(tmp_path: Path) -> None:
    """The form of the clusters' requirements: the dependency is there already, the wheel has a path and a hash."""
    wheel = tmp_path / "needs_numpy-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        folder = "needs_numpy-1.dist-info"
        archive.writestr(
            f"{folder}/METADATA", "Metadata-Version: 2.1\nName: needs-numpy\nVersion: 1\nRequires-Dist: numpy>=2\n"
        )
        archive.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{folder}/RECORD", "")
    digest = subprocess.run(["sha256sum", wheel], capture_output=True, check=True, text=True).stdout.split()[0]

    def install(sha256: str) -> subprocess.CompletedProcess[str]:
        requirements = tmp_path / "requirements.txt"
        requirements.write_text(f"{wheel} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "-r", str(requirements)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert "Would install needs-numpy-1" in install(digest).stdout
    assert "DO NOT MATCH THE HASHES" in install("0" * 64).stderr


@pytest.mark.slow
def test_the_threshold_names_are_the_wheels_own(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(TERRAFORM / "dist.py"), str(tmp_path / "d"), "--without-mwaa"], check=True)
    assert "child_transactions" in (tmp_path / "d" / "thresholds.json").read_text()
    assert {path.suffix for path in (tmp_path / "d").iterdir()} == {".whl", ".txt", ".json"}
