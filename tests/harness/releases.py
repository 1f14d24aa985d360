"""Environments with other releases of Airflow than the locked one: MWAA's, and the next."""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tests.harness.pipeline import ROOT
from tests.harness.runtimes import path_with_pyenv

_MWAA = ROOT / "terraform" / "mwaa"
AUTH_MANAGERS = ROOT / "tests" / "integration" / "releases" / "auth_managers.txt"
_PROVIDERS = tuple(f"apache-airflow-providers-{name}" for name in ("amazon", "databricks", "http", "smtp"))


class NoSuchReleaseError(Exception):
    """Raised when no release newer than the locked one can be installed; the message is uv's."""


@dataclass(frozen=True)
class Release:
    """A release of Airflow in an environment of its own under `.venv`.

    Attributes:
        may_fail: it is not released yet, so that its faults are reported, but fail no test.
    """

    name: str
    may_fail: bool = False

    @property
    def directory(self) -> Path:
        return Path(sys.prefix) / f"airflow-{self.name}"

    @property
    def python(self) -> str:
        return str(self.directory / "bin" / "python")


MWAA = Release("mwaa")
NEXT = Release("next", may_fail=True)


@cache
def install(release: Release) -> str:
    """Install a release, unless it is installed; return its version.

    Raises:
        NoSuchReleaseError: there is no next one, or the package index cannot be reached.
    """
    if not Path(release.python).exists():
        done = _uv("venv", "--python", "3.12", str(release.directory))
        assert done.returncode == 0, done.stderr
    if release is MWAA:
        # Exactly these, all locked.
        done = _uv("pip", "sync", "--require-hashes", *_into(MWAA), str(_MWAA / "requirements.txt"), str(AUTH_MANAGERS))
        assert done.returncode == 0, f"Airflow for MWAA could not be installed: {done.stderr}"
    else:
        # Not locked: what is next changes. Pre-releases of Airflow itself are allowed, of nothing else.
        newer = [f"{name}>={_after(version(name))}" for name in ("apache-airflow", "apache-airflow-core")]
        newer += [f"apache-airflow-task-sdk>={_after(version('apache-airflow-task-sdk'))}"]
        done = _uv("pip", "install", "--upgrade", *_into(NEXT), "-r", "pyproject.toml", *newer, *_PROVIDERS)
        if done.returncode:
            raise NoSuchReleaseError(done.stderr.strip())
    done = _uv("pip", "install", "--no-deps", *_into(release), "--editable", ".")
    assert done.returncode == 0, done.stderr
    program = "import importlib.metadata; print(importlib.metadata.version('apache-airflow'))"
    return subprocess.run([release.python, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _after(locked: str) -> str:
    """Return the least version after the locked one; its `.dev0` tells uv to allow pre-releases."""
    *first, last = locked.split(".")
    return ".".join([*first, str(int(last) + 1), "dev0"])


def _into(release: Release) -> tuple[str, ...]:
    return ("--quiet", "--compile-bytecode", "--python", release.python)


def _uv(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sys.prefix) / "bin" / "uv", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": path_with_pyenv()},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
