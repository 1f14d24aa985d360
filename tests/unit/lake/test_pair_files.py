"""The rows of some merchants are read completely, and little else is read."""

import random
from pathlib import Path

import pyarrow as pa
import pytest

from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.lake import pair_files
from spark_jobs.lake.pair_files import files_with, read_pairs
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.shards import split
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.kernel.test_pair_state import sums


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects(tmp_path.as_uri())


def rows_of(merchants: list[str], customers: int, line: int) -> pa.Table:
    """Return rows of `customers` customers per merchant, with incompressible totals."""
    count, draw = len(merchants) * customers, random.Random(line)
    numbers = [draw.randrange(1 << 40) for _ in range(count)]
    totals = ("transactions", "amount_paise", "weight_units", "weighted_transactions")
    columns = {
        "merchant": [merchant for merchant in merchants for _ in range(customers)],
        "customer": [f"C{number}" for _ in merchants for number in range(customers)],
        **dict.fromkeys(totals, numbers),
        "line": [line] * count,
    }
    values = [columns.get(field.name, pa.nulls(count, field.type)) for field in PAIRS_SCHEMA]
    return pa.table(values, schema=PAIRS_SCHEMA)


def test_rows_of_other_merchants_are_not_read(lake: Objects) -> None:
    tables = StateTables(lake)
    names = [f"M{number:02}" for number in range(40)]
    tables._pairs.append(rows_of(names, 5000, 10), 10)
    tables._pairs.append(rows_of(names[:20], 100, 20), 20)
    files = tables.pair_files()
    assert len(files) == 2

    rows, read = read_pairs(lake, files, ["M03"])
    assert sorted(set(rows.column("line").to_pylist())) == [10, 20]
    assert rows.num_rows == 5100
    assert read < 0.3 * sum(file.size for file in files)

    assert [file.first_merchant for file in files_with(files, ["M30"])] == ["M00"]
    assert files_with(files, ["A", "Z"]) == []
    every, _ = read_pairs(lake, files, names)
    assert every.num_rows == 5000 * 40 + 100 * 20


@pytest.mark.parametrize("shards", [2, 8])
def test_shards_do_not_read_each_others_rows(lake: Objects, shards: int) -> None:
    tables = StateTables(lake)
    names = [f"M{number:02}" for number in range(40)]
    state = rows_of(names, 10_000, 10)
    tables._pairs.append(state, 10)
    [file] = tables.pair_files()
    chunk = ChunkSums(20, sums([(name, f"C{number}", 1) for name in names for number in range(25)]))

    parts = [read_pairs(lake, [file], shard.merchants) for shard in split([chunk], shards)]
    assert len(parts) == shards
    assert sum(rows.num_rows for rows, _ in parts) == state.num_rows
    # Everything once, plus per shard at most one shared row group and the footer.
    assert sum(read for _, read in parts) < file.size * (1 + shards * (32_768 / state.num_rows + 0.02))


def test_a_dominant_merchant_has_its_own_shard() -> None:
    customers = {"A": 10, "B": 500, "C": 200, "D": 10, "E": 280}
    rows = [(name, f"C{number}", 1) for name, count in customers.items() for number in range(count)]
    shards = split([ChunkSums(20, sums(rows))], 4)
    assert [shard.merchants for shard in shards] == [["A"], ["B"], ["C", "D"], ["E"]]


def test_merged_files_are_sorted_by_merchant(lake: Objects) -> None:
    tables = StateTables(lake)
    for line in (10, 20, 30):
        tables._pairs.append(rows_of(["M2", "M1", "M3"], 10, line), line)
    tables._pairs.compact()
    [file] = tables.pair_files()
    rows, _ = read_pairs(lake, [file], ["M1", "M2", "M3"])
    merchants = rows.column("merchant").to_pylist()
    assert merchants == sorted(merchants)
    assert len(merchants) == 90


def test_a_footer_longer_than_the_first_read(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_files, "_FOOTER_BYTES", 100)
    tables = StateTables(lake)
    tables._pairs.append(rows_of(["M1", "M2"], 1000, 10), 10)
    rows, _ = read_pairs(lake, tables.pair_files(), ["M2"])
    assert rows.num_rows == 1000
