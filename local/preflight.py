"""What is looked at before anything is started, so that what is wrong is said at once and in one line."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import psutil

from local.ports import free_port
from spark_jobs.lake.importance import parse_importance
from spark_jobs.lake.master_file import HEADER_BYTES
from spark_jobs.lake.transactions import parse_header

# The most that all processes of a run on the sample data had at the same time was 2.6 GB.
NEEDED_BYTES = 3_000_000_000
_CGROUP = Path("/sys/fs/cgroup")


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise OSError where one is taken; the message names its option."""
    for name, port in ports.items():
        try:
            free_port(port)
        except OSError as error:
            msg = f"--{name}-port: {error}"
            raise OSError(msg) from error


def check_memory(free: int) -> None:
    """Raise OSError where `free` bytes of memory are too few."""
    if free < NEEDED_BYTES:
        msg = (
            f"{NEEDED_BYTES / 1e9:.1f} GB of free memory are needed, {free / 1e9:.1f} GB are free:"
            " close something, or give this machine or container more"
        )
        raise OSError(msg)


def free_memory(cgroup: Path = _CGROUP) -> int:
    """Return how many bytes of memory are free: in the machine, or in its container where that has less."""
    free = int(psutil.virtual_memory().available)
    limit = cgroup / "memory.max"
    if not limit.exists() or (text := limit.read_text().strip()) == "max":
        return free
    statistics = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    # What the kernel keeps of files and would give back.
    used = int((cgroup / "memory.current").read_text()) - int(statistics["inactive_file"])
    return min(free, int(text) - used)


def check_files(transactions: Path, importance: Path | None) -> None:
    """Look at the master file's header, and at the whole of the importance file.

    Raises:
        OSError: a file that cannot be read; the message names its option.
        SourceHeaderError: no header, or one without a needed column.
        ImportanceError: not an importance file.
    """
    with _opened("source", transactions) as file:
        parse_header(file.readline(HEADER_BYTES).rstrip(b"\r\n"), str(transactions))
    if importance:
        with _opened("importance", importance) as file:
            parse_importance(file.read(), str(importance))


def _opened(option: str, path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        msg = f"--{option} {path} cannot be read: {error.strerror}; it was looked for in {Path.cwd()}"
        raise OSError(msg) from error
