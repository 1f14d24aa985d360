"""Checks before anything is started, each with a one-line error message."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import psutil

from local.ports import free_port
from spark_jobs.lake.csv_header import HEADER_BYTES
from spark_jobs.lake.header import parse_header

# The processes of a run on the sample data use up to 2.6 GB together.
NEEDED_BYTES = 3_000_000_000
_CGROUP = Path("/sys/fs/cgroup")
# An empty file in the directory of a run.
_MARK = "made-by-make-run"


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise OSError if a port is taken; the message names its option."""
    for name, port in ports.items():
        try:
            free_port(port)
        except OSError as error:
            msg = f"--{name}-port: {error}"
            raise OSError(msg) from error


def claim_directory(directory: Path) -> None:
    """Create the directory of a run, or take over that of an earlier run; make it readable by its owner only.

    Raises:
        OSError: it contains something else, which the run could replace.
    """
    directory.mkdir(parents=True, exist_ok=True)
    mark, database = directory / _MARK, directory / "databricks" / "databricks.db"
    # Versions before 1.1 left no mark.
    is_ours = mark.exists() or database.exists() or all(path.match("sample-*") for path in directory.iterdir())
    if not is_ours:
        msg = f"--directory {directory} has other files: give a new one, as a run replaces what is in its directory"
        raise OSError(msg)
    directory.chmod(0o700)
    mark.touch()


def check_memory(free: int) -> None:
    """Raise OSError if `free` bytes of memory are too few."""
    if free < NEEDED_BYTES:
        msg = (
            f"{NEEDED_BYTES / 1e9:.1f} GB of free memory are needed, {free / 1e9:.1f} GB are free:"
            " close other programs, or give this machine or container more"
        )
        raise OSError(msg)


def free_memory(cgroup: Path = _CGROUP) -> int:
    """Return the free memory in bytes: of the machine, or of its container if that has less."""
    free = int(psutil.virtual_memory().available)
    limit = cgroup / "memory.max"
    if not limit.exists() or (text := limit.read_text().strip()) == "max":
        return free
    statistics = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    # Not counting the page cache, which the kernel would reclaim.
    used = int((cgroup / "memory.current").read_text()) - int(statistics["inactive_file"])
    return min(free, int(text) - used)


def check_files(transactions: Path, importance: Path | None) -> None:
    """Check the header of the master file, and the whole importance file.

    Raises:
        OSError: a file cannot be read; the message names its option.
        SourceHeaderError: the header, or a required column, is missing.
        ImportanceError: the importance file is invalid.
    """
    with _opened("source", transactions) as file:
        parse_header(file.readline(HEADER_BYTES).rstrip(b"\r\n"), str(transactions))
    if importance:
        # Imports pandas, which would delay the start of everything.
        from spark_jobs.lake.importance import parse_importance

        with _opened("importance", importance) as file:
            parse_importance(file.read(), str(importance))


def _opened(option: str, path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        msg = f"--{option} {path} cannot be read: {error.strerror} (in {Path.cwd()})"
        raise OSError(msg) from error
