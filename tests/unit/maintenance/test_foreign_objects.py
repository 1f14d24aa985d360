"""Maintenance deletes nothing but what the jobs wrote, wherever the lake is."""

import os
import re
from collections.abc import Iterator, Set
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.landing_times import LandingTimes
from spark_jobs.lake.layout import DETECTION_FILES, LANDING_ZONE, PAIRS, QUARANTINE, chunk_path, quarantine_path
from spark_jobs.lake.past_state import read_state_at
from spark_jobs.lake.quarantine import QuarantineReader
from spark_jobs.maintenance.cli import main as maintain_state
from spark_jobs.store.objects import open_objects
from tests.system.torture.s3 import FaultyS3, Stored, faulty_s3
from tests.unit.lake.test_state_tables import run_chunks

BUCKET = "foreign-objects"
LONG_AGO = datetime.now(UTC) - timedelta(days=30)
ORPHAN = "state/pairs/part-never-committed.parquet"
EXPIRED = {ORPHAN, chunk_path(0), chunk_path(30), quarantine_path(0)}
# Neighbours whose names begin like a folder of the lake, and files of others in the lake's root.
FOREIGN = (
    "landing_zone.csv",
    "landing_zone_old/chunk_000000000000.csv",
    "quarantined/1.csv",
    "state.bak/pairs/1",
    "a/b",
)
# What consoles create for folders.
MARKERS = ("", "landing_zone/", "quarantine/", "state/", "state/pairs/", "state/pairs/_delta_log/", "detections/")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    with faulty_s3(BUCKET) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def lake_files(directory: Path) -> dict[str, bytes]:
    """Return the files of a lake of two committed chunks and one that waits."""
    lake = open_objects(directory.as_uri())
    landing = open_landing("csv", lake)
    for first in (0, 30, 60):
        landing.create(first, pd.DataFrame({"line": range(first, first + 30), "customer": "C1"}))
    lake.create(quarantine_path(0), b"line,reason,raw\n")
    lake.create(ORPHAN, b"a killed job wrote this")
    run_chunks(lake, 0, 30)
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def without_log(paths: Set[str]) -> Set[str]:
    """Omit log entries of the state's tables, which expire, too."""
    return {path for path in paths if not re.search(r"state/\w+/_delta_log/\d{20}\.json$", path)}


@pytest.mark.parametrize("address", ["", "/", "/lake", "/lake/", "/a b/c+d"])
def test_in_s3_only_expired_objects_of_the_lake_are_deleted(s3: FaultyS3, tmp_path: Path, address: str) -> None:
    root = f"{address.strip('/')}/".lstrip("/")
    objects = {f"{root}{path}": data for path, data in lake_files(tmp_path / "made").items()}
    objects |= {f"{root}{path}": b"foreign" for path in FOREIGN}
    objects |= {f"{root}{path}": b"" for path in MARKERS if root or path}
    if root:
        objects |= {f"{path}/offset.csv": b"foreign" for path in ("lake2", "lak", "a b/c", "landing_zone", "state")}
    s3.restore([Stored(key, data) for key, data in objects.items()], LONG_AGO)
    assert maintain_state(["--lake", f"s3://{BUCKET}{address}"]) == 0
    kept = {stored.key: stored.data for stored in s3.objects()}
    assert without_log(objects.keys() - kept.keys()) == {f"{root}{path}" for path in EXPIRED}
    assert all(objects[key] == data for key, data in kept.items() if "_delta_log" not in key and key in objects)


def test_in_a_directory_only_expired_files_of_the_lake_are_deleted(tmp_path: Path) -> None:
    before = {f"lake/{path}" for path in lake_files(tmp_path / "lake")}
    for path in (*FOREIGN, *(f"../{path}" for path in FOREIGN)):
        file = (tmp_path / "lake" / path).resolve()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"foreign")
        before.add(file.relative_to(tmp_path).as_posix())
    for file in tmp_path.rglob("*"):
        os.utime(file, (LONG_AGO.timestamp(),) * 2)
    assert maintain_state(["--lake", (tmp_path / "lake").as_uri()]) == 0
    after = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert without_log(before - after) == {f"lake/{path}" for path in EXPIRED}


def test_folder_markers_are_no_files_to_any_reader(s3: FaultyS3, tmp_path: Path) -> None:
    objects = {**lake_files(tmp_path), **dict.fromkeys(MARKERS[1:], b"")}
    s3.restore([Stored(f"lake/{path}", data) for path, data in objects.items()] + [Stored("lake/", b"")])
    lake = open_objects(f"s3://{BUCKET}/lake")
    for folder in (LANDING_ZONE, QUARANTINE, PAIRS, DETECTION_FILES, f"{PAIRS}/_delta_log"):
        found = list(lake.list_after(folder, ""))
        assert found == sorted(path for path in objects if path.startswith(f"{folder}/") and path not in MARKERS)
    assert open_landing("csv", lake).first_lines(0, 9) == [0, 30, 60]
    times = LandingTimes(lake, 30).read(90)
    assert times is not None
    assert len(times) == 3
    assert QuarantineReader(lake, latest=1).read(0) == (0, ())
    assert read_state_at(lake, 60) == read_state_at(open_objects(tmp_path.as_uri()), 60)


def test_an_empty_chunk_is_not_taken_for_a_marker(s3: FaultyS3) -> None:
    s3.restore([Stored(f"lake/{chunk_path(0)}", b"")])
    assert open_landing("csv", open_objects(f"s3://{BUCKET}/lake")).first_lines(0, 9) == [0]
