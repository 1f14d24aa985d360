"""Environments with the packages of older Databricks Runtimes, from uv.lock."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.harness.pipeline import ROOT


@dataclass(frozen=True)
class Runtime:
    """A Databricks Runtime: its dependency group in pyproject.toml, and its version of Python."""

    group: str
    python: str


DATABRICKS_17_3 = Runtime("databricks-17-3", "3.12")
# Its list of packages is not public yet: its Spark, and otherwise the newest ones.
DATABRICKS_18 = Runtime("databricks-18", "3.12")
RUNTIMES = (DATABRICKS_17_3, DATABRICKS_18)


def runtime_python(runtime: Runtime) -> str:
    """Return a Python with a runtime's packages and this project; the first use installs half a gigabyte."""
    environment = Path(sys.prefix) / runtime.group
    done = subprocess.run(
        [
            *(Path(sys.prefix) / "bin" / "uv", "sync", "--frozen", "--quiet", "--compile-bytecode"),
            *("-p", runtime.python, "--no-default-groups", "--group", "runtime-test", "--group", runtime.group),
        ],
        cwd=ROOT,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment), "PATH": path_with_pyenv()},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{runtime.group} could not be installed: {done.stderr}"
    return str(environment / "bin" / "python")


def path_with_pyenv() -> str:
    """Return a PATH with all Pythons of pyenv, whose shims run only the selected one."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return os.pathsep.join([*map(str, sorted(versions.glob("3.*/bin"))), os.environ["PATH"]])
