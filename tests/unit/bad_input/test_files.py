"""Kinds of master files, changes to one that is partly landed, and kinds of importance files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from spark_jobs.chunker.land import ChunkerJob, LandedChunk, land_next_chunk
from spark_jobs.kernel.chunk_sums import SUMS_SCHEMA
from spark_jobs.lake.importance import read_importance, weigher
from tests.unit.bad_input.files import CHANGES, FILES, HEADER, LANDED, File
from tests.unit.bad_input.importances import IMPORTANCE_FILES, ImportanceFile
from tests.unit.bad_input.outcomes import Lines, Stops
from tests.unit.chunker_job import new_job, snapshot, write_source


def run(job: ChunkerJob, data: bytes | None) -> list[LandedChunk]:
    """Upload a master file, and land all of it."""
    if data is None:
        job.source.folder.delete([job.source.name])
    else:
        write_source(job, data)
    chunks = []
    while chunk := land_next_chunk(job):
        chunks.append(chunk)
    return chunks


def assert_outcome(job: ChunkerJob, file: File) -> None:
    before = snapshot(job.lake)
    if isinstance(file.becomes, Stops):
        with pytest.raises(file.becomes.error) as stopped:
            run(job, file.data)
        assert file.becomes.said in str(stopped.value)
        assert job.source.name in str(stopped.value), "the file is named"
        assert snapshot(job.lake) == before, "the lake is unchanged"
        return
    chunks = run(job, file.data)
    landed = sum(chunk.end - chunk.first for chunk in chunks)
    quarantined = sum(chunk.quarantined for chunk in chunks)
    expected = (file.becomes.landed, file.becomes.quarantined) if isinstance(file.becomes, Lines) else (0, 0)
    assert (landed, quarantined) == expected


@pytest.mark.parametrize("file", FILES, ids=[file.kind for file in FILES])
def test_a_master_file_has_its_outcome(file: File) -> None:
    assert_outcome(new_job(), file)


@pytest.mark.parametrize("file", CHANGES, ids=[file.kind for file in CHANGES])
def test_a_changed_master_file_has_its_outcome(file: File) -> None:
    job = new_job(chunk_size=2)
    write_source(job, LANDED)
    assert land_next_chunk(job) == LandedChunk(0, 2, 0, adopted=False)
    assert_outcome(job, file)


@pytest.mark.parametrize("file", IMPORTANCE_FILES, ids=[file.kind for file in IMPORTANCE_FILES])
def test_an_importance_file_has_its_outcome(file: ImportanceFile, tmp_path: Path) -> None:
    place = tmp_path / "i.csv"
    if file.data is not None:
        place.write_bytes(file.data)
    if isinstance(file.becomes, Stops):
        with pytest.raises(file.becomes.error) as stopped:
            read_importance(place.as_uri())
        assert file.becomes.said in str(stopped.value)
        assert "i.csv" in str(stopped.value), "the file is named"
        return
    importance = read_importance(place.as_uri())
    assert importance.weights
    assert importance.etag
    sums = pa.table([["M1"], ["C1"], ["food"], [1], [100], [0], [0], [0], ["F"]], schema=SUMS_SCHEMA)
    weigh = weigher(importance.weights)
    assert weigh
    (row,) = weigh(sums, np.zeros(1, np.int64)).to_pylist()
    units = row["weight_units"] if row["weighted_transactions"] else None
    assert units == file.becomes.units


_LAND = """
import resource, sys
from spark_jobs.chunker.cli import main
assert main(sys.argv[1:]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


@pytest.mark.slow
@pytest.mark.parametrize("fields", [1, 100], ids=["quarantined", "landed"])
def test_lines_of_10_mb_land_within_memory_in_shorter_chunks(fields: int, tmp_path: Path) -> None:
    names = b"".join(b",f%d" % number for number in range(fields))
    with (tmp_path / "t.csv").open("wb") as file:
        file.write(HEADER[:-1] + names + b"\n")
        for _ in range(12):
            file.write(
                b"C1,F,M1,food,1" + b"".join(b"," + b"x" * (10_000_000 // fields) for _ in range(fields)) + b"\n"
            )
    lake = tmp_path / "lake"
    arguments = ["--source", (tmp_path / "t.csv").as_uri(), "--lake", lake.as_uri(), "--max-chunks", "9"]
    done = subprocess.run([sys.executable, "-c", _LAND, *arguments], capture_output=True, text=True, check=True)
    summary, megabytes = done.stdout.splitlines()
    found = json.loads(summary)
    assert (found["chunks"], found["landed_line"]) == (2, 12), "64 MiB at most"
    assert found["lines_quarantined"] == (12 if fields == 1 else 0)
    assert int(megabytes) < 1000
