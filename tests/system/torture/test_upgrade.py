"""A lake of an earlier version is continued, and one of a newer version is refused."""

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from spark_jobs.errors import StateError
from spark_jobs.lake import state_version as state_version_module
from spark_jobs.lake.layout import DETECTIONS
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import STATE_VERSION, Writer, state_version
from spark_jobs.store.objects import open_objects
from tests.system.torture import lake
from tests.system.torture.job import JobRequest
from tests.system.torture.jobs import Jobs, job_processes
from tests.system.torture.lake import Contents, contents
from tests.system.torture.s3 import BUCKET, Stored

pytestmark = pytest.mark.processes

# Lakes after the first two chunks of `master_file`; version 1 is from commit f9cde61, without commit ids in its Delta
# tables and without what was reported in its pairs. Add a file for each new state version, and keep the earlier ones
# while they can be read.
EARLIER = sorted((Path(__file__).parent / "lakes").glob("*.zip"))


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    with job_processes({}) as running:
        yield running


def finish(jobs: Jobs, directory: Path) -> Contents:
    """Land, detect and maintain the rest of the master file in a directory; return the lake."""
    (directory / "transactions.csv").write_bytes(lake.master_file().data)
    for request in (lake.chunker(), lake.detector(), lake.maintenance()):
        assert jobs.run(moved(request, directory)).code == 0
    files = [path for path in (directory / lake.LAKE).rglob("*") if path.is_file()]
    return contents([Stored(path.relative_to(directory).as_posix(), path.read_bytes()) for path in files])


def versions(directory: Path) -> set[int | None]:
    """Return the state versions of a lake's tables."""
    tables = [directory / lake.LAKE / "state" / name for name in ("pairs", "merchants", "detections")]
    return {state_version(DeltaTable(table.as_uri())) for table in tables}


def moved(request: JobRequest, directory: Path) -> JobRequest:
    root = f"s3://{BUCKET}"
    return replace(request, arguments=[value.replace(root, directory.as_uri()) for value in request.arguments])


@pytest.mark.parametrize("earlier", EARLIER, ids=lambda path: path.stem)
def test_a_lake_of_an_earlier_version_is_continued(jobs: Jobs, earlier: Path, tmp_path: Path) -> None:
    undisturbed, upgraded = tmp_path / "undisturbed", tmp_path / "upgraded"
    undisturbed.mkdir()
    with zipfile.ZipFile(earlier) as archive:
        archive.extractall(upgraded)
    was = int(earlier.stem.rpartition("-")[2])
    assert versions(upgraded) == {was}
    expected = finish(jobs, undisturbed)
    assert expected.tables.keys() == {"state/pairs", "state/merchants", "state/detections"}
    assert comparable(finish(jobs, upgraded)).difference(comparable(expected)) == ""
    assert versions(upgraded) == {2}


def test_a_lake_of_a_newer_version_is_refused_and_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = open_objects(tmp_path.as_uri())
    newer = STATE_VERSION + 1
    with monkeypatch.context() as later:
        later.setattr(state_version_module, "STATE_VERSION", newer)
        later.setattr(state_version_module, "_VERSIONS", {Writer.DELTALAKE: newer})
        StateTables(root)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StateError, match=f"has state version {newer}.*run the release that wrote it"):
        StateTables(root)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def comparable(found: Contents) -> Contents:
    """Omit what depends on the release or the moment of writing.

    That is `offset.csv`, because the ETag of a local file depends on its modification time, and in detections the rules
    version and the keys of evidence, which were other words before rules were data.
    """
    data, line = found.tables[DETECTIONS]
    rows = pa.ipc.open_stream(data).read_all().drop_columns(["rules_version"]).to_pylist()
    for row in rows:
        row.update({name: [value for _, value in row[name]] for name in ("evidence", "thresholds")})
    return replace(
        found,
        files={path: data for path, data in found.files.items() if path != "offset.csv"},
        tables={**found.tables, DETECTIONS: (repr(rows).encode(), line)},
    )
