"""Cost of a what-if, as a process of its own."""

import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from spark_jobs.patterns.built_in import BUILT_IN_TOML


@dataclass(frozen=True)
class Cost:
    """Seconds from start to end of the process, and seconds of CPU."""

    seconds: float
    cpu_seconds: float


def measure(lake: str, directory: Path) -> Cost:
    """Try other rules on all chunks of a lake."""
    rules = directory / "what-if.toml"
    rules.write_bytes(BUILT_IN_TOML.replace(b"transactions >= 80", b"transactions >= 60"))
    command = [
        sys.executable,
        "-m",
        "spark_jobs.what_if.cli",
        "--lake",
        lake,
        "--rules",
        str(rules),
        "--from-line",
        "0",
    ]
    started, before = time.monotonic(), _cpu_seconds()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Cost(time.monotonic() - started, _cpu_seconds() - before)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
