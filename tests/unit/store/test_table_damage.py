"""Lasting damage of a table ends a job for good, and names the object and the way to get it back."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from spark_jobs.errors import StorageError, TableDamagedError
from spark_jobs.store.delta import explain_damage
from spark_jobs.store.line_table import LineTable, open_table
from spark_jobs.store.new_table import NewTable, open_or_create_table
from tests.harness.delta_log import checkpoint, cut, entries
from tests.system.torture.s3 import faulty_s3

SCHEMA = pa.schema([("line", pa.int64())])
RESTORE = "restore it from the bucket's versions, or rebuild the table (docs/troubleshooting.md)"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.store.failures.PAUSES_SECONDS", (0.0,))


@pytest.fixture
def table(tmp_path: Path) -> LineTable:
    """A table of five commits, with a checkpoint at the last but one."""
    table = open_or_create_table((tmp_path / "t").as_uri(), "writer", NewTable(SCHEMA))
    for line in range(4):
        append(table, line)
    table.handle.create_checkpoint()
    append(table, 4)
    return table


def append(table: LineTable, line: int) -> None:
    table.append(pa.table({"line": [line]}, SCHEMA), line)


def read(folder: Path) -> pa.Table:
    table = open_table(folder.as_uri(), "writer")
    assert table
    return table.read()


def data_file(table: Path) -> Path:
    return min(table.glob("*.parquet"))


def remove_entries_before_the_checkpoint(table: Path) -> None:
    for entry in entries(table):
        if entry.stem < checkpoint(table).name[:20]:
            entry.unlink()


def without_checkpoint(table: Path) -> None:
    checkpoint(table).unlink()
    (table / "_delta_log" / "_last_checkpoint").unlink()


def gap(table: Path) -> None:
    without_checkpoint(table)
    entries(table)[2].unlink()


def no_beginning(table: Path) -> None:
    without_checkpoint(table)
    entries(table)[0].unlink()


@pytest.mark.parametrize(
    ("damage", "named", "problem"),
    [
        (lambda table: data_file(table).unlink(), data_file, "is missing, a data file of the table"),
        (lambda table: cut(data_file(table), 100), data_file, "has 100 bytes instead of"),
        (lambda table: cut(data_file(table), 0), data_file, "has 0 bytes instead of"),
        (lambda table: cut(entries(table)[-1], 200), lambda table: entries(table)[-1], "is not complete, a log entry"),
        (gap, lambda table: table / "_delta_log" / f"{2:020d}.json", "is missing, a log entry of the table"),
        (no_beginning, lambda table: table / "_delta_log" / f"{0:020d}.json", "is missing, a log entry of the table"),
    ],
    ids=["no data file", "torn data file", "empty data file", "torn entry", "gap", "no first entry"],
)
@pytest.mark.usefixtures("table")
def test_the_damaged_object_is_named(
    tmp_path: Path,
    damage: Callable[[Path], None],
    named: Callable[[Path], Path],
    problem: str,
) -> None:
    folder = tmp_path / "t"
    place = named(folder) if problem.startswith(("is not", "has")) or named is data_file else None
    damage(folder)
    with pytest.raises(TableDamagedError) as raised:
        read(folder)
    assert not raised.value.retryable
    assert str(raised.value).startswith(f"{(place or named(folder)).as_uri()} {problem}")
    assert RESTORE in str(raised.value)


@pytest.mark.parametrize("damage", [lambda file: cut(file, 100), lambda file: cut(file, 0), lambda file: file.unlink()])
@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.usefixtures("table")
def test_a_broken_checkpoint_is_deleted_where_the_log_replaces_it(
    tmp_path: Path, damage: Callable[[Path], None], expired: bool
) -> None:
    folder = tmp_path / "t"
    broken = checkpoint(folder)
    if expired:
        remove_entries_before_the_checkpoint(folder)
    damage(broken)
    with pytest.raises(TableDamagedError) as raised:
        read(folder)
    assert str(raised.value).startswith(f"{broken.as_uri()} is ")
    hint = folder / "_delta_log" / "_last_checkpoint"
    if expired:
        assert RESTORE in str(raised.value)
        return
    assert f"so delete {hint.as_uri()} and this file, if it exists, and start again" in str(raised.value)
    broken.unlink(missing_ok=True)
    hint.unlink()
    assert read(folder).num_rows == 5


@pytest.mark.usefixtures("table")
def test_an_empty_hint_at_the_checkpoint_is_survived(tmp_path: Path) -> None:
    cut(tmp_path / "t" / "_delta_log" / "_last_checkpoint", 0)
    assert read(tmp_path / "t").num_rows == 5


def test_a_compaction_names_the_data_file_that_it_misses(table: LineTable, tmp_path: Path) -> None:
    lost = data_file(tmp_path / "t")
    lost.unlink()
    with pytest.raises(TableDamagedError, match=lost.name):
        table.compact()


def test_a_file_that_was_replaced_meanwhile_is_no_damage(table: LineTable, tmp_path: Path) -> None:
    stale = open_table(table.url, "writer")
    assert stale
    files = list((tmp_path / "t").glob("*.parquet"))
    table.compact()
    for file in files:
        file.unlink()
    with pytest.raises(StorageError):
        stale.read()
    assert read(tmp_path / "t").num_rows == 5


def test_a_failure_of_the_store_stays_retryable(table: LineTable) -> None:
    with pytest.raises(StorageError, match="timed out"), explain_damage(table.url, f"{table.url}/nothing"):
        raise StorageError("timed out")


def test_a_table_whose_log_was_cleaned_is_not_damaged(table: LineTable, tmp_path: Path) -> None:
    remove_entries_before_the_checkpoint(tmp_path / "t")
    DeltaTable(table.url)
    with pytest.raises(StorageError), explain_damage(table.url):
        raise StorageError("timed out")


def test_damage_in_s3_is_named_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with faulty_s3("damage") as s3:
        for name, value in s3.environment.items():
            monkeypatch.setenv(name, value)
        append(open_or_create_table("s3://damage/landing_zone", "writer", NewTable(SCHEMA)), 1)
        lost = next(stored.key for stored in s3.objects() if stored.key.endswith(".parquet"))
        s3.restore([stored for stored in s3.objects() if stored.key != lost])
        opened = open_table("s3://damage/landing_zone", "writer")
        assert opened
        with pytest.raises(TableDamagedError, match=f"s3://damage/{lost} is missing, a data file of the table"):
            opened.read()
