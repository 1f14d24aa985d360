"""Build the files that Terraform uploads: the wheel, its pinned packages, and MWAA's plugins and requirements.

The build is reproducible, so a plan shows a change only if the sources changed.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_UV = Path(sys.executable).parent / "uv"
# Where MWAA unpacks plugins.zip.
_MWAA_PLUGINS = "/usr/local/airflow/plugins"
_PROVIDERS = ("apache-airflow-providers-amazon", "apache-airflow-providers-databricks")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def main() -> None:
    """Build into the directory given as argument, `dist/` by default."""
    dist = Path(sys.argv[1]) if len(sys.argv) > 1 else _ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    _uv("build", "--wheel", "--quiet", "--out-dir", str(dist))
    # uv adds it to every output directory.
    (dist / ".gitignore").unlink(missing_ok=True)
    [wheel] = dist.glob("*.whl")
    (dist / "requirements.txt").write_text(_pinned())
    airflow = [f"--constraint {_MWAA_PLUGINS}/constraints.txt", f"{_MWAA_PLUGINS}/{wheel.name}", *_PROVIDERS]
    (dist / "airflow-requirements.txt").write_text("".join(f"{line}\n" for line in airflow))
    _zip_plugins(dist / "plugins.zip", wheel)
    # Terraform compares its variable `thresholds` with these names.
    (dist / "thresholds.json").write_text(_threshold_names(wheel))


def _zip_plugins(path: Path, wheel: Path) -> None:
    plugins = _ROOT / "plugins"
    sources = (file for file in plugins.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    contents = {str(file.relative_to(plugins)): file.read_bytes() for file in sources}
    contents[wheel.name] = wheel.read_bytes()
    contents["constraints.txt"] = _pinned("--group", "airflow").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(contents):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), contents[name], zipfile.ZIP_DEFLATED)


def _threshold_names(wheel: Path) -> str:
    """Return the names of the thresholds in a wheel, as JSON."""
    program = "import json; from spark_jobs.patterns import THRESHOLDS; print(json.dumps([t.name for t in THRESHOLDS]))"
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=wheel.parent,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def _pinned(*groups: str) -> str:
    """Return the wheel's dependencies and those of `groups`, pinned as in uv.lock."""
    lines = _uv(
        "export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes", "--no-annotate", *groups
    )
    kept = (line for line in lines.splitlines() if not line.startswith("#"))
    # Constraints may not have extras; the packages of an extra have lines of their own.
    return "".join(re.sub(r"\[[^]]*\]", "", line) + "\n" for line in kept)


def _uv(*arguments: str) -> str:
    return subprocess.run([_UV, *arguments], cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
