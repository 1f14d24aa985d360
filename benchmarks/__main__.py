"""`make bench`: run all benchmarks and print what they say as Markdown. Half an hour, alone on the machine."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from benchmarks import chunker_cost, detector_cost, history, kernel_cost, limits, merge_peer
from benchmarks.plots import Line, draw
from local.s3 import LocalS3, local_s3
from local.sample_data import write_sample
from spark_jobs.store.line_table import open_table
from spark_jobs.store.objects import open_objects

_BUCKET = "benchmarks"
_CHUNKS = 59
# The state has nearly all of its 60,000 pairs by then, and everything is warm.
_WARM = 25
_S3 = f"s3://{_BUCKET}"
# Longer than the sample, so that catching up is more than its beginning and its end.
_LONG, _LONG_ROWS = "long.csv", 2_400_000

# What, and what was measured of it; each as soon as it is known.
Rows = Iterator[tuple[str, str]]


def main() -> None:
    """Run all, each on the same sample data."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        directory = Path(name)
        with local_s3(directory / "s3.log", buckets=(_BUCKET,)) as s3:
            os.environ.update(s3.environment)
            write_sample(directory)
            write_sample(directory / "long", _LONG_ROWS)
            for file in ("transactions.csv", "CustomerImportance.csv"):
                s3.client().upload_file(str(directory / file), _BUCKET, file)
            s3.client().upload_file(str(directory / "long" / "transactions.csv"), _BUCKET, _LONG)
            # The chunker's summaries are not what this prints.
            report = sys.stdout
            with contextlib.redirect_stdout(sys.stderr):
                caught_up = detector_cost.catch_up(_S3, _BUCKET, directory, 20)
                print("| what | measured |\n| --- | --- |", file=report)
                for what, measured in chain(
                    _whole(s3, directory, caught_up),
                    _micro_batches(directory),
                    _starts(directory),
                    _spread(directory),
                    _landing(directory),
                ):
                    print(f"| {what} | {measured} |", file=report, flush=True)
                importance = f"{_S3}/CustomerImportance.csv"
                steps = limits.measure(caught_up.lake, importance, f"{_S3}/limits", _CHUNKS)
    print(f"\nWhere it goes, and what the limits are:\n\n{limits.table(steps)}")
    print("\nThe kernel, on one core:\n")
    _draw_kernel(kernel_cost.main([]))
    print("\nOne more chunk over a growing history:\n")
    history.main([])


def _whole(s3: LocalS3, directory: Path, caught_up: detector_cost.CatchUp) -> Rows:
    """One chunk, landed to committed, and the usual way beside it; both must know the same of every merchant."""
    for store, root in (("local S3", _S3), ("local disk", directory.as_uri())):
        seconds = detector_cost.landed_to_committed(root, _BUCKET, directory, _CHUNKS)[-_WARM:]
        quantiles = " / ".join(f"{detector_cost.quantile(seconds, percent):.3f}" for percent in (50, 90, 99))
        yield f"one chunk, landed to committed, {store}, median / p90 / p99", f"{quantiles} s"
    usual, merchants = merge_peer.seconds_per_chunk(_download_chunks(s3, caught_up.lake, directory), directory)
    if merchants != _merchants(caught_up.lake):
        msg = "the usual way and ours differ in what they know of merchants"
        raise AssertionError(msg)
    theirs = f"{detector_cost.quantile(usual[-_WARM:], 50):.3f} s"
    yield "the usual MERGE and aggregate, one chunk, local disk, median", theirs
    yield "start to first commit (of 20 chunks)", f"{caught_up.first_commit:.1f} s"


def _micro_batches(directory: Path) -> Rows:
    """Catching up with other micro-batches, another store, and the state in the cluster."""
    sizes, rates = [], []
    for root, max_chunks, placement, cores in (
        (_S3, 1, "driver", 2),
        (_S3, 20, "driver", 2),
        (_S3, 50, "driver", 2),
        (_S3, 100, "driver", 2),
        (directory.as_uri(), 50, "driver", 2),
        (_S3, 50, "cluster", 1),
        (_S3, 50, "cluster", 2),
    ):
        caught_up = detector_cost.catch_up(root, _BUCKET, directory, max_chunks, placement, cores, _LONG)
        where = f"{root.partition(':')[0]}, state in the {placement}, local[{cores}]"
        what = f"catching up, {_LONG_ROWS:,} rows, {max_chunks} chunks a micro-batch, {where}"
        yield what, f"{caught_up.rate:,.0f} transactions/s"
        if root == _S3 and placement == "driver":
            sizes.append(max_chunks)
            rates.append(caught_up.rate)
    _draw_catching_up(sizes, rates)


def _starts(directory: Path) -> Rows:
    for pairs in (0, 1_000_000, 10_000_000):
        seconds = detector_cost.restart(_BUCKET, directory, pairs)
        yield f"start to first commit (of 1 chunk), {pairs:,} pairs", f"{seconds:.1f} s"


def _spread(directory: Path) -> Rows:
    """What a micro-batch costs that reads all pairs of the state, kept in the cluster."""
    for pairs in (1_000_000, 4_000_000):
        for cores in (1, 2):
            what = f"10 chunks that touch the merchants of {pairs:,} pairs, state in the cluster, local[{cores}]"
            yield what, f"{detector_cost.spread(_BUCKET, directory, pairs, cores):.2f} s"


def _landing(directory: Path) -> Rows:
    chunker = chunker_cost.measure(directory, _BUCKET)
    yield "landing one chunk at line 0", f"{chunker.at_line_0:.3f} s"
    yield f"… at line {chunker_cost.DEEP_LINE:,}", f"{chunker.at_deep_line:.3f} s"
    yield "landing one chunk into an empty landing zone, local S3", f"{chunker.empty_zone:.3f} s"
    yield f"… beside {chunker_cost.FULL_ZONE:,} chunks", f"{chunker.full_zone:.3f} s"


def _draw_catching_up(sizes: list[int], rates: list[float]) -> None:
    axes = ("chunks a micro-batch", "transactions a second")
    draw("benchmark-catching-up", "Catching up", *axes, [Line("local S3, 2 cores", sizes, rates)])


def _draw_kernel(costs: list[kernel_cost.Cost]) -> None:
    """Draw what a chunk costs against the pairs of the state, merchants and chunks being those of the sample data."""
    like_sample = [cost for cost in costs if (cost.shape.merchants, cost.shape.lines) == (50, 10_000)]
    pairs = [cost.shape.pairs for cost in like_sample]
    lines = [
        Line(label, pairs, [1000 * detector_cost.quantile(cost.seconds, percent) for cost in like_sample])
        for label, percent in (("median", 50), ("99th percentile", 99))
    ]
    draw("benchmark-kernel", "The kernel, one chunk of 10,000 rows", "pairs", "ms", lines)


def _merchants(lake: str) -> dict[str, tuple[int, int, int]]:
    """Return what our state says of each merchant in the end."""
    table = open_table(open_objects(lake).place("state/merchants"), "detector")
    assert table
    rows = table.read(["merchant", "transactions", "female_customers", "male_customers", "line"]).sort_by("line")
    return {
        name: (total, female, male) for name, total, female, male, _ in zip(*rows.to_pydict().values(), strict=True)
    }


def _download_chunks(s3: LocalS3, lake: str, directory: Path) -> list[Path]:
    """Return the chunks of a lake as local files, in order."""
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
