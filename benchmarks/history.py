"""One more chunk after a history of up to 50 million rows: the detector, and polars and DuckDB recomputing all rows.

`python -m benchmarks.history` prints a table and draws a plot. All three see the same transactions, and no time is
printed unless they agree on every merchant: transactions, the 90th percentile of transactions and the 10th of mean
amounts over its customers, female and male customers.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.plots import Line, draw
from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, sum_chunk
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, restore_state
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.objects import open_objects

_CHUNK, _FILE = 10_000, 1_000_000
_SIZES = (594_643, 5_000_000, 20_000_000, 50_000_000)
_MERCHANTS, _CUSTOMERS_PER_ROW = 50, 0.007
# Repetitions of the detector's chunk, and of each recomputation; the median counts.
_CHUNKS, _RECOMPUTED = 25, 3

Merchants = dict[str, tuple[int, float, float, int, int]]


@dataclass(frozen=True)
class Seconds:
    """Median seconds of one more chunk after `rows` rows."""

    rows: int
    ours: float
    polars: float
    duckdb: float


def measure(rows: int, directory: Path) -> Seconds:
    """Measure one size.

    Raises:
        AssertionError: the results of the three differ.
    """
    random = np.random.default_rng(11)
    history = directory / f"history-{rows}"
    history.mkdir()
    customers = max(1000, int(rows * _CUSTOMERS_PER_ROW))
    for number, first in enumerate(range(0, rows, _FILE)):
        part = _transactions(random, min(_FILE, rows - first), first, customers)
        pq.write_table(part, history / f"{number:03}.parquet", compression="zstd")
    state = _state(history)
    chunks = [_transactions(random, _CHUNK, rows + number * _CHUNK, customers) for number in range(_CHUNKS)]
    pq.write_table(pa.concat_tables(chunks), history / "chunks.parquet", compression="zstd")
    ours, merchants = _ours(state, chunks, rows, directory)
    results = [_timed(recompute, history) for recompute in (_polars, _duckdb)]
    for name, (_, found) in zip(("polars", "DuckDB"), results, strict=True):
        _compare(name, merchants, found)
    shutil.rmtree(history)
    return Seconds(rows, ours, results[0][0], results[1][0])


def _transactions(random: np.random.Generator, count: int, first: int, customers: int) -> pa.Table:
    customer = (random.random(count) ** 2 * customers).astype(np.int64)
    merchant = (random.random(count) ** 2 * _MERCHANTS).astype(np.int64)
    # Fixed per customer, because the engines may differ in which transaction they call the first.
    gender = np.array(["F", "M"])[customer % 2]
    amount = np.round(random.gamma(2.0, 15.0, count), 2)
    return pa.table(
        {
            "line": np.arange(first, first + count),
            "customer": pa.DictionaryArray.from_arrays(
                customer.astype(np.int32), [f"C{number:010}" for number in range(customers)]
            ).cast(pa.string()),
            "gender": gender,
            "merchant": pa.array(np.char.add("M", merchant.astype(str))),
            "category": pa.array(["es_food"] * count),
            "amount": amount,
        },
        schema=pa.schema([(name, kind) for name, kind in CHUNK_COLUMNS.items() if name != "weight"]),
    )


def _state(history: Path) -> PairState:
    """Return the detector's state after the history."""
    paise = (pl.col("amount") * 100).round().cast(pl.Int64)
    pairs = (
        pl.scan_parquet(history / "*.parquet")
        .group_by("merchant", "customer")
        .agg(pl.first("gender"), pl.len().alias("transactions"), paise.sum().alias("amount_paise"))
        .collect()
        .to_arrow()
    )
    count = pairs.column("transactions").cast(pa.int64())
    columns = {
        "merchant": pairs.column("merchant").cast(pa.string()),
        "customer": pairs.column("customer").cast(pa.string()),
        "gender": pairs.column("gender").cast(pa.string()),
        "transactions": count,
        "amount_paise": pairs.column("amount_paise"),
        "weight_units": pa.array(pairs.column("amount_paise").to_numpy() * 100),
        "weighted_transactions": count,
        "line": pa.array(np.zeros(len(pairs), dtype=np.int64)),
    }
    values = [columns.get(field.name, pa.nulls(len(pairs), field.type)) for field in PAIRS_SCHEMA]
    return restore_state(pa.table(values, schema=PAIRS_SCHEMA))


def _ours(state: PairState, chunks: list[pa.Table], rows: int, directory: Path) -> tuple[float, Merchants]:
    """Sum each chunk, advance the state, evaluate the patterns and commit to Delta on local disk."""
    tables = StateTables(open_objects((directory / f"lake-{rows}").as_uri()))
    tables.load()
    rules = Rules(BUILT_IN, every_chunk=False)
    detector = Detector(state, Reported(), rules, lambda: datetime.now(UTC))
    seconds, found = [], {}
    for number, chunk in enumerate(chunks, 1):
        began = time.perf_counter()
        outcome = detector.advance([sum_chunk(chunk, rows + number * _CHUNK)])
        tables.commit(outcome, {})
        seconds.append(time.perf_counter() - began)
        found.update({row["merchant"]: row for row in outcome.merchants.to_pylist()})
    columns = ("transactions", "transactions_percentile", "weight_percentile", "female_customers", "male_customers")
    merchants = {name: tuple(row[column] for column in columns) for name, row in found.items()}
    return float(np.median(seconds)), merchants


def _polars(history: Path) -> Merchants:
    paise = (pl.col("amount") * 100).round().cast(pl.Int64)
    pairs = (
        pl.scan_parquet(history / "*.parquet")
        .group_by("merchant", "customer")
        .agg(pl.len().alias("n").cast(pl.Int64), paise.sum().alias("paise"), pl.first("gender"))
    )
    merchants = pairs.group_by("merchant").agg(
        pl.sum("n"),
        pl.col("n").quantile(0.9, "linear").alias("high"),
        (pl.col("paise") / pl.col("n") / 100).quantile(0.1, "linear").alias("low"),
        (pl.col("gender") == "F").sum().alias("female"),
        (pl.col("gender") == "M").sum().alias("male"),
    )
    return {name: tuple(rest) for name, *rest in merchants.collect().rows()}


def _duckdb(history: Path) -> Merchants:
    rows = duckdb.execute(
        """
        with pairs as (
            select merchant, customer, count(*) n, sum(round(amount * 100)::bigint)::double paise, first(gender) gender
            from read_parquet(?) group by all
        )
        select merchant, sum(n), quantile_cont(n, 0.9), quantile_cont(paise / n / 100, 0.1),
               count(*) filter (gender = 'F'), count(*) filter (gender = 'M')
        from pairs group by merchant
        """,
        [str(history / "*.parquet")],
    ).fetchall()
    return {name: tuple(rest) for name, *rest in rows}


def _timed(recompute: Callable[[Path], Merchants], history: Path) -> tuple[float, Merchants]:
    seconds = []
    for _ in range(_RECOMPUTED):
        began = time.perf_counter()
        found = recompute(history)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)), found


def _compare(name: str, ours: Merchants, theirs: Merchants) -> None:
    if set(ours) != set(theirs):
        msg = f"{name} has other merchants: {set(ours) ^ set(theirs)}"
        raise AssertionError(msg)
    for merchant, values in ours.items():
        if not np.allclose(values, [float(value) for value in theirs[merchant]], rtol=1e-12, atol=0):
            msg = f"{name} differs at {merchant}: {theirs[merchant]}, the detector has {values}"
            raise AssertionError(msg)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all sizes, print the table and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES)
    options = parser.parse_args(arguments)
    results = []
    print(
        "| rows so far | ours, summed to committed | polars, all rows | DuckDB, all rows |\n| --- | --- | --- | --- |"
    )
    with tempfile.TemporaryDirectory(prefix="history-") as name:
        for rows in options.sizes:
            result = measure(rows, Path(name))
            results.append(result)
            print(f"| {rows:,} | {result.ours:.3f} s | {result.polars:.3f} s | {result.duckdb:.3f} s |", flush=True)
    draw(
        "benchmark-history",
        "One more chunk of 10,000 rows",
        "rows so far",
        "seconds",
        [
            Line(label, [result.rows for result in results], [getattr(result, field) for result in results])
            for label, field in (("ours", "ours"), ("polars, recomputed", "polars"), ("DuckDB, recomputed", "duckdb"))
        ],
    )


if __name__ == "__main__":
    main()
