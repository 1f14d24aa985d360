"""The chunker's memory is bounded, whatever the master file contains."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spark_jobs.lake.quarantine import HEAD_BYTES, stored_count

MIB = 1 << 20
# What `docs/reference/bad-input.md` states for chunks of 10,000 lines.
MAX_MIB = 1024
HEADER = b"customer,gender,merchant,category,amount"

# The peak of the process itself: that of `getrusage` includes its parent's before it was started.
_LAND = """
import re, sys
from pathlib import Path
from spark_jobs.chunker.cli import main
assert main(sys.argv[1:]) == 0
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1)) >> 10)
"""


def lines_of(content: bytes, count: int = 10_000, size: int = 8192) -> Callable[[], Iterator[bytes]]:
    """Return a function that yields a file of `count` lines of `size` bytes, repeated `content`."""
    line = (content * (size // len(content) + 1))[: size - 1] + b"\n"

    def lines() -> Iterator[bytes]:
        yield HEADER + b"\n"
        for _ in range(count):
            yield line

    return lines


def good(field: str, columns: int, count: int = 10_000) -> Callable[[], Iterator[bytes]]:
    """Return a function that yields a file of transactions with so many further columns."""

    def lines() -> Iterator[bytes]:
        yield HEADER + b"".join(b",%x" % column for column in range(columns)) + b"\n"
        line = b"C1,F,M1,food,1" + b",".join([b"", *[field.encode()] * columns]) + b"\n"
        for _ in range(count):
            yield line

    return lines


def padded() -> Iterator[bytes]:
    yield HEADER + b"\r\n"
    customer = f" 😀{'x' * 8000} ".encode()
    for _ in range(10_000):
        yield customer + b",F,M1,food,1\r\n"


FILES = {
    "invalid bytes": lines_of(b"\xff"),
    "one line of invalid bytes": lines_of(b"\xff", 1, 64 * MIB),
    "one line of short fields and a quote": lines_of(b"ab," * 1000 + b'"x",', 1, 64 * MIB),
    "one line of emoji": lines_of("😀".encode(), 1, 64 * MIB),
    "short fields and a quote": lines_of(b"ab," * 1000 + b'"x",'),
    "transactions with 10,000 further columns": good("ab", 10_000, 3000),
    "transactions with emoji and blanks around": padded,
}


def land(folder: Path) -> int:
    """Land the first chunk of `t.csv` in a process of its own; return its peak memory in MiB."""
    arguments = ["--source", (folder / "t.csv").as_uri(), "--lake", (folder / "lake").as_uri()]
    done = subprocess.run([sys.executable, "-c", _LAND, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_a_chunk_of_the_worst_kind_lands_within_memory(kind: str, tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("wb") as file:
        file.writelines(FILES[kind]())
    assert land(tmp_path) < MAX_MIB
    for quarantine in tmp_path.glob("lake/quarantine/*.csv"):
        assert quarantine.stat().st_size < 32 * MIB
        assert stored_count(quarantine.read_bytes()[:HEAD_BYTES])


@pytest.mark.slow
def test_a_chunk_of_the_worst_kind_is_adopted_within_memory(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("wb") as file:
        file.writelines(padded())
    land(tmp_path)
    (tmp_path / "lake" / "offset.csv").unlink()
    assert land(tmp_path) < MAX_MIB
