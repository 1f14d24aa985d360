"""Build the files that Terraform uploads: the wheel, what clusters lack, and the plugins and requirements of MWAA.

The build is reproducible, so a plan shows a change only if the sources changed. Every package of others is installed
with the hash that is committed for it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_UV = Path(sys.executable).parent / "uv"
# What the wheel needs and a Databricks Runtime lacks; its own packages stay as they are.
RUNTIME_LACKS = ("arro3-core", "deltalake", "deprecated", "obstore")
MWAA = Path(__file__).parent / "mwaa"
# Where MWAA unpacks plugins.zip.
_MWAA_PLUGINS = "/usr/local/airflow/plugins"
_MWAA_PYTHON = "3.12"
# The names of the platforms whose wheels run on MWAA, because pip expands none of them.
_MWAA_PLATFORMS = ("_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014", "_2_12", "2010", "_2_5", "1")
_PROVIDERS = ("apache-airflow-providers-amazon", "apache-airflow-providers-databricks")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Build into a directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", nargs="?", type=Path, default=_ROOT / "dist")
    parser.add_argument("--without-mwaa", action="store_true", help="do not download and pack the wheels for MWAA")
    arguments = parser.parse_args()
    dist: Path = arguments.dist
    shutil.rmtree(dist, ignore_errors=True)
    _uv("build", "--wheel", "--quiet", "--out-dir", str(dist))
    # uv adds it to every output directory.
    (dist / ".gitignore").unlink(missing_ok=True)
    [wheel] = dist.glob("*.whl")
    (dist / "requirements.txt").write_text(cluster_requirements())
    # Terraform compares its variable `thresholds` with these names.
    (dist / "thresholds.json").write_text(_threshold_names(wheel))
    if arguments.without_mwaa:
        return
    (dist / "airflow-requirements.txt").write_text(mwaa_requirements(wheel.name))
    with tempfile.TemporaryDirectory() as downloads:
        download_for_mwaa(bundled_for_mwaa(), Path(downloads))
        zip_plugins(dist / "plugins.zip", [wheel, *Path(downloads).glob("*.whl")])


def cluster_requirements() -> str:
    """Return the requirements of the jobs' clusters, pinned and with hashes as in uv.lock.

    Terraform adds the wheel, with its hash: a requirements file with hashes makes pip refuse everything without one.
    """
    exported = _uv("export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-annotate", "--no-header")
    kept = (entry for entry in requirements_in(exported) if _name(entry) in RUNTIME_LACKS)
    return "".join(f"{entry}\n" for entry in kept)


def mwaa_requirements(wheel: str) -> str:
    """Return MWAA's requirements file, which installs from plugins.zip alone: a private web server has no internet."""
    lines = [
        f"--find-links {_MWAA_PLUGINS}",
        "--no-index",
        f"--constraint {_MWAA_PLUGINS}/constraints.txt",
        f"{_MWAA_PLUGINS}/{wheel}",
        *_PROVIDERS,
    ]
    return "".join(f"{line}\n" for line in lines)


def bundled_for_mwaa() -> list[str]:
    """Return the requirements whose wheels go into plugins.zip: all that the image may lack."""
    enforced = {_name(line) for line in requirements_in((MWAA / "enforced.txt").read_text())}
    locked = requirements_in((MWAA / "requirements.txt").read_text())
    return [entry for entry in locked if _name(entry) not in enforced]


def download_for_mwaa(requirements: Iterable[str], directory: Path) -> None:
    """Download the wheels of requirements; pip refuses one without or with another hash."""
    platforms = [f"--platform=manylinux{suffix}_x86_64" for suffix in _MWAA_PLATFORMS]
    listed = directory / "requirements.txt"
    listed.write_text("".join(f"{entry}\n" for entry in requirements))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    command += ["--no-deps", "--only-binary=:all:", f"--python-version={_MWAA_PYTHON}", "--implementation=cp"]
    subprocess.run([*command, *platforms, "--dest", str(directory), "-r", str(listed)], check=True)


def zip_plugins(path: Path, wheels: Iterable[Path]) -> None:
    """Write plugins.zip: the plugins, the wheels, and what MWAA's image enforces as constraints."""
    plugins = _ROOT / "plugins"
    contents = {
        str(file.relative_to(plugins)): file
        for file in plugins.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    contents |= {wheel.name: wheel for wheel in wheels}
    contents["constraints.txt"] = MWAA / "enforced.txt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(contents):
            compression = zipfile.ZIP_STORED if name.endswith(".whl") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), contents[name].read_bytes(), compression)


def requirements_in(text: str) -> list[str]:
    """Return the entries of a requirements file, each on one line, without comments."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _name(requirement: str) -> str:
    return re.split(r"[=<>;\s\[]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def _threshold_names(wheel: Path) -> str:
    """Return the names of the thresholds in a wheel, as JSON."""
    program = "import json; from spark_jobs.patterns.built_in import THRESHOLDS; print(json.dumps(list(THRESHOLDS)))"
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=wheel.parent, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _uv(*arguments: str) -> str:
    return subprocess.run([_UV, *arguments], cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
