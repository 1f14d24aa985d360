"""`make bench`: run all benchmarks and print the results as Markdown; half an hour on an idle machine."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from benchmarks import chunker_cost, detector_cost, kernel_cost, limits, merge_peer, spark_cost, what_if_cost
from benchmarks.plots import Line, draw
from local.s3 import LocalS3, local_s3
from local.sample_data import write_sample
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import open_objects

_BUCKET = "benchmarks"
_CHUNKS = 59
# Only the last chunks count: by then the state has nearly all of its 60,000 pairs, and everything is warm.
_WARM = 25
_S3 = f"s3://{_BUCKET}"
# Longer than the sample, so that the steady rate dominates start and end.
_LONG, _LONG_ROWS = "long.csv", 2_400_000

# Label and value of each result, as soon as it is known.
Rows = Iterator[tuple[str, str]]


def main() -> None:
    """Run all benchmarks on the same sample data."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        directory = Path(name)
        with local_s3(directory / "s3.log", buckets=(_BUCKET,)) as s3:
            os.environ.update(s3.environment)
            write_sample(directory)
            write_sample(directory / "long", _LONG_ROWS)
            for file in ("transactions.csv", "CustomerImportance.csv"):
                s3.client().upload_file(str(directory / file), _BUCKET, file)
            s3.client().upload_file(str(directory / "long" / "transactions.csv"), _BUCKET, _LONG)
            # Keep the chunker's summaries out of the report.
            report = sys.stdout
            with contextlib.redirect_stdout(sys.stderr):
                caught_up = detector_cost.catch_up(_S3, _BUCKET, directory, 20)
                print("| measurement | result |\n| --- | --- |", file=report)
                for label, result in chain(
                    _end_to_end(s3, directory, caught_up),
                    _micro_batches(directory),
                    _starts(directory),
                    _landing(directory),
                ):
                    print(f"| {label} | {result} |", file=report, flush=True)
                importance = f"{_S3}/CustomerImportance.csv"
                steps = limits.measure(caught_up.lake, importance, f"{_S3}/limits", _CHUNKS)
    print(f"\nThe steps of a chunk:\n\n{limits.table(steps)}")
    print("\nThe state backend spark:\n")
    spark_cost.main([])
    print("\nThe kernel, on one core:\n")
    _draw_kernel(kernel_cost.main([]))


def _end_to_end(s3: LocalS3, directory: Path, caught_up: detector_cost.CatchUp) -> Rows:
    """Measure one chunk from landed to committed, and Spark's usual approach; both must agree on every merchant."""
    for store, root in (("local S3", _S3), ("local disk", directory.as_uri())):
        seconds = detector_cost.landed_to_committed(root, _BUCKET, directory, _CHUNKS)[-_WARM:]
        quantiles = " / ".join(f"{detector_cost.quantile(seconds, percent):.3f}" for percent in (50, 90, 99))
        yield f"one chunk, landed to committed, {store}, median / p90 / p99", f"{quantiles} s"
    usual, merchants = merge_peer.seconds_per_chunk(_download_chunks(s3, caught_up.lake, directory), directory)
    if merchants != _merchants(caught_up.lake):
        msg = "the MERGE and the detector disagree on the merchants"
        raise AssertionError(msg)
    theirs = f"{detector_cost.quantile(usual[-_WARM:], 50):.3f} s"
    yield "Spark's usual approach, `MERGE` and aggregate, one chunk, local disk, median", theirs
    yield "start to first commit (of 20 chunks)", f"{caught_up.first_commit:.1f} s"
    what_if = what_if_cost.measure(caught_up.lake, directory)
    yield "what-if over all chunks, whole process / CPU", f"{what_if.seconds:.1f} / {what_if.cpu_seconds:.1f} s"


def _micro_batches(directory: Path) -> Rows:
    """Measure catching up with several micro-batch sizes, on both stores."""
    sizes, rates = [], []
    for root, max_chunks in ((_S3, 1), (_S3, 20), (_S3, 50), (_S3, 100), (directory.as_uri(), 50)):
        caught_up = detector_cost.catch_up(root, _BUCKET, directory, max_chunks, _LONG)
        where = root.partition(":")[0]
        what = f"catching up, {_LONG_ROWS:,} rows, {max_chunks} chunks per micro-batch, {where}"
        yield what, f"{caught_up.rate:,.0f} transactions/s"
        if root == _S3:
            sizes.append(max_chunks)
            rates.append(caught_up.rate)
    _draw_catching_up(sizes, rates)


def _starts(directory: Path) -> Rows:
    for pairs in (0, 1_000_000, 10_000_000):
        seconds = detector_cost.restart(_BUCKET, directory, pairs)
        yield f"start to first commit (of 1 chunk), {pairs:,} pairs", f"{seconds:.1f} s"


def _landing(directory: Path) -> Rows:
    chunker = chunker_cost.measure(directory, _BUCKET)
    yield "landing one chunk at line 0", f"{chunker.at_line_0:.3f} s"
    yield f"… at line {chunker_cost.DEEP_LINE:,}", f"{chunker.at_deep_line:.3f} s"
    yield "landing one chunk into an empty landing zone, local S3", f"{chunker.empty_zone:.3f} s"
    yield f"… next to {chunker_cost.FULL_ZONE:,} chunks", f"{chunker.full_zone:.3f} s"


def _draw_catching_up(sizes: list[int], rates: list[float]) -> None:
    axes = ("chunks per micro-batch", "transactions per second")
    draw("benchmark-catching-up", "Catching up", *axes, [Line("local S3, 2 cores", sizes, rates)])


def _draw_kernel(costs: list[kernel_cost.Cost]) -> None:
    """Draw the time of a chunk by the number of pairs, with the sample data's merchants and chunk size."""
    like_sample = [cost for cost in costs if (cost.shape.merchants, cost.shape.lines) == (50, 10_000)]
    pairs = [cost.shape.pairs for cost in like_sample]
    lines = [
        Line(label, pairs, [1000 * detector_cost.quantile(cost.seconds, percent) for cost in like_sample])
        for label, percent in (("median", 50), ("99th percentile", 99))
    ]
    draw("benchmark-kernel", "The kernel, one chunk of 10,000 rows", "pairs", "ms", lines)


def _merchants(lake: str) -> dict[str, tuple[int, int, int]]:
    """Return the final transactions, female and male customers of each merchant in the state."""
    table = open_table(open_objects(lake).place("state/merchants"), "detector")
    assert table
    rows = table.read(["merchant", "transactions", "female_customers", "male_customers", "line"]).sort_by("line")
    return {
        name: (total, female, male) for name, total, female, male, _ in zip(*rows.to_pydict().values(), strict=True)
    }


def _download_chunks(s3: LocalS3, lake: str, directory: Path) -> list[Path]:
    """Download the chunks of a lake; return their local files, in order."""
    prefix = f"{lake.removeprefix(_S3)[1:]}/landing_zone/"
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix=prefix)
    paths = []
    for entry in [entry for page in pages for entry in page["Contents"]]:
        path = directory / Path(entry["Key"]).name
        s3.client().download_file(_BUCKET, entry["Key"], str(path))
        paths.append(path)
    return paths


if __name__ == "__main__":
    main()
