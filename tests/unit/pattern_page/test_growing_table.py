"""Delta tables are read in batches, newest files first, up to a limit."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from pattern_page.growing_table import GrowingTable

LIMIT = 1 << 20


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("pattern_page.growing_table.verify_state_version", lambda *_: None)
    return str(tmp_path / "table")


def append(url: str, *numbers: int, merchant: str = "M1") -> None:
    write_deltalake(url, pa.table({"line": numbers, "merchant": [merchant] * len(numbers)}), mode="append")


def file_bytes(url: str) -> int:
    sizes = pa.table(DeltaTable(url).get_add_actions(flatten=True))["size_bytes"].to_pylist()
    return int(max(sizes))


def lines(table: GrowingTable, above: int) -> list[int] | None:
    batches = table.read_above("line", above)
    return None if batches is None else [line for rows in batches for line in rows["line"].to_pylist()]


def test_only_appended_rows_are_read(url: str) -> None:
    table = GrowingTable(url, {}, LIMIT)
    assert lines(table, -1) is None
    append(url, 0, 1)
    append(url, 2)
    assert sorted(lines(table, -1) or []) == [0, 1, 2]
    assert lines(table, 2) is None
    append(url, 3)
    assert lines(table, 2) == [3]
    assert not table.capped


def test_the_oldest_files_are_left_out_beyond_the_limit(url: str) -> None:
    for number in range(10):
        append(url, number)
    size = file_bytes(url)
    table = GrowingTable(url, {}, 3 * size)
    assert lines(table, -1) == [9, 8, 7]
    assert table.capped
    append(url, 10)
    assert lines(table, 9) == [10]
    assert not table.capped


def test_the_newest_file_is_read_whatever_its_size(url: str) -> None:
    append(url, *range(100_000))
    append(url, *range(100_000, 200_000))
    table = GrowingTable(url, {}, 1)
    batches = table.read_above("line", -1)
    assert batches
    read = [rows.num_rows for rows in batches]
    assert sum(read) == 100_000
    assert max(read) < 100_000
    assert table.capped


def test_the_rows_of_one_merchant_are_found_and_the_newest_are_kept(url: str) -> None:
    for number in range(10):
        append(url, number, merchant=f"M{number % 2}")
    whole, part = GrowingTable(url, {}, LIMIT), GrowingTable(url, {}, 2 * file_bytes(url))
    found = [rows["line"].to_pylist() for rows in whole.read_equal("merchant", "M1", "line")]
    assert (found, whole.capped) == ([[9], [7], [5], [3], [1]], False)
    assert [rows["line"].to_pylist() for rows in part.read_equal("merchant", "M1", "line")] == [[9], [7]]
    assert part.capped
    assert list(GrowingTable(f"{url}-missing", {}, LIMIT).read_equal("merchant", "M1", "line")) == []
