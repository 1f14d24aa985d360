"""Features that others switch on are refused for good, with the commands that remove them."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake.exceptions import DeltaError

from spark_jobs.errors import TableFeatureError
from spark_jobs.maintenance.cli import main as maintain_state
from spark_jobs.store.line_table import LineTable, open_table
from spark_jobs.store.new_table import NewTable, open_or_create_table
from spark_jobs.store.table_features import feature_failure
from tests.harness.delta_log import change_metadata, entries, switch_on

SCHEMA = pa.schema([("line", pa.int64())])
ON = {
    "deletionVectors": ({"reader": ["deletionVectors"]}, "'delta.enableDeletionVectors' = 'false'"),
    "rowTracking": ({"writer": ["rowTracking", "domainMetadata"]}, "'delta.enableRowTracking' = 'false'"),
    "clustering": ({"writer": ["clustering", "domainMetadata"]}, "CLUSTER BY NONE"),
    "typeWidening": ({"reader": ["typeWidening"]}, "'delta.enableTypeWidening' = 'false'"),
    "v2Checkpoint": ({"reader": ["v2Checkpoint"]}, "'delta.checkpointPolicy' = 'classic'"),
    "inCommitTimestamp": ({"writer": ["inCommitTimestamp"]}, "'delta.enableInCommitTimestamps' = 'false'"),
    "vacuumProtocolCheck": ({"reader": ["vacuumProtocolCheck"]}, "DROP FEATURE vacuumProtocolCheck"),
    "columnMapping": (
        {"reader": ["columnMapping"], "properties": {"delta.columnMapping.mode": "name"}},
        "'delta.columnMapping.mode' = 'none'",
    ),
    "icebergCompatV2": ({"writer": ["icebergCompatV2"]}, "'delta.enableIcebergCompatV2' = 'false'"),
    "catalogManaged": ({"reader": ["catalogManaged"]}, "DROP FEATURE catalogManaged"),
    "ofTheFuture": ({"reader": ["ofTheFuture"]}, "DROP FEATURE ofTheFuture"),
    "ofWritersOnly": ({"writer": ["ofWritersOnly"]}, "DROP FEATURE ofWritersOnly"),
}


def new_table(folder: Path) -> LineTable:
    table = open_or_create_table(folder.as_uri(), "writer", NewTable(SCHEMA))
    for line in range(3):
        table.append(pa.table({"line": [line]}, SCHEMA), line)
    return table


def assert_refused(error: TableFeatureError, folder: Path, feature: str, remedy: str) -> None:
    assert not error.retryable
    assert str(error).startswith(f"{folder.as_uri()}: the jobs cannot use a table with the feature")
    assert feature in str(error)
    assert f"ALTER TABLE delta.`{folder.as_uri()}` " in str(error)
    assert remedy in str(error)
    assert f"DROP FEATURE {feature}" in str(error)


@pytest.mark.parametrize("feature", ON)
def test_a_table_is_refused_when_it_is_opened(tmp_path: Path, feature: str) -> None:
    new_table(tmp_path)
    changes, remedy = ON[feature]
    switch_on(tmp_path, **changes)  # type: ignore[arg-type]
    with pytest.raises(TableFeatureError) as refused:
        open_table(tmp_path.as_uri(), "writer")
    assert_refused(refused.value, tmp_path, feature, remedy)


@pytest.mark.parametrize("feature", sorted(ON.keys() - {"deletionVectors", "v2Checkpoint"}))
@pytest.mark.parametrize("action", ["append", "compact"])
def test_a_writer_stops_when_a_feature_is_switched_on_meanwhile(tmp_path: Path, feature: str, action: str) -> None:
    table = new_table(tmp_path)
    changes, remedy = ON[feature]
    switch_on(tmp_path, **changes)  # type: ignore[arg-type]
    with pytest.raises(TableFeatureError) as refused:
        table.append(pa.table({"line": [9]}, SCHEMA), 9) if action == "append" else table.compact()
    assert_refused(refused.value, tmp_path, feature, remedy)


def test_maintenance_is_refused_and_deletes_nothing(tmp_path: Path) -> None:
    new_table(tmp_path / "state" / "pairs")
    switch_on(tmp_path / "state" / "pairs", reader=["deletionVectors"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as stopped:
        maintain_state(["--lake", tmp_path.as_uri()])
    assert stopped.value.code == 70
    assert "deletionVectors" in str(stopped.value.__cause__)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_append_only_table_is_refused(tmp_path: Path) -> None:
    table = new_table(tmp_path)
    change_metadata(tmp_path, configuration={"delta.appendOnly": "true"})
    with pytest.raises(TableFeatureError, match=r"'delta\.appendOnly' = 'false'"):
        open_table(tmp_path.as_uri(), "writer")
    with pytest.raises(TableFeatureError, match=r"'delta\.appendOnly' = 'false'"):
        table.compact()


def test_a_feature_left_behind_by_dropping_another_is_refused(tmp_path: Path) -> None:
    new_table(tmp_path)
    switch_on(tmp_path, writer=["checkpointProtection"])
    with pytest.raises(TableFeatureError, match="DROP FEATURE checkpointProtection TRUNCATE HISTORY"):
        open_table(tmp_path.as_uri(), "writer")


def test_a_protocol_of_the_future_is_refused(tmp_path: Path) -> None:
    new_table(tmp_path)
    entry = entries(tmp_path)[-1]
    entry.write_text(json.dumps({"protocol": {"minReaderVersion": 4, "minWriterVersion": 8}}) + "\n")
    with pytest.raises(TableFeatureError, match="Unsupported minimum reader version 4"):
        open_table(tmp_path.as_uri(), "writer")


@pytest.mark.parametrize("feature", ["appendOnly", "invariants", "checkConstraints", "changeDataFeed"])
def test_a_feature_that_the_jobs_can_use_is_accepted(tmp_path: Path, feature: str) -> None:
    new_table(tmp_path)
    switch_on(tmp_path, writer=[feature])
    table = open_table(tmp_path.as_uri(), "writer")
    assert table
    table.append(pa.table({"line": [3]}, SCHEMA), 3)
    table.compact()
    assert table.read().num_rows == 4


def test_what_a_reader_is_told_of_a_feature_is_permanent() -> None:
    said = "The table has set these reader features: {'deletionVectors'} but these are not yet supported"
    failure = feature_failure("s3://bucket/lake/state/pairs", DeltaError(said))
    assert failure
    assert "DROP FEATURE deletionVectors" in str(failure)
    assert feature_failure("s3://bucket/lake/state/pairs", DeltaError("connection reset")) is None
