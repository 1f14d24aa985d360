"""`make bench`: run all benchmarks and print a table in Markdown. Takes about ten minutes."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import chunker_cost, detector_cost, merge_peer
from local.s3 import LocalS3, local_s3
from local.sample_data import write_sample

_BUCKET = "benchmarks"
_CHUNKS = 59
# The state has nearly all of its 60,000 pairs by then, and everything is warm.
_WARM = 25


def main() -> None:
    """Run all, each on the same sample data."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        directory = Path(name)
        with local_s3(directory / "s3.log", buckets=(_BUCKET,)) as s3:
            os.environ.update(s3.environment)
            write_sample(directory)
            for file in ("transactions.csv", "CustomerImportance.csv"):
                s3.client().upload_file(str(directory / file), _BUCKET, file)
            # The chunker's summaries are not what this prints.
            with contextlib.redirect_stdout(sys.stderr):
                seconds = detector_cost.landed_to_committed(_BUCKET, directory, _CHUNKS)[-_WARM:]
                rate, first_commit = detector_cost.catch_up(_BUCKET, directory)
                small, large = (detector_cost.restart(_BUCKET, directory, pairs) for pairs in (0, 1_000_000))
                chunker = chunker_cost.measure(directory, _BUCKET)
            chunks = _download_chunks(s3, directory)
        usual = merge_peer.seconds_per_chunk(chunks, directory)[-_WARM:]
    ours = detector_cost.quantile(seconds, 50)
    theirs = detector_cost.quantile(usual, 50)
    rows = [
        ("one chunk, landed to committed, median (polling included)", f"{ours:.3f} s"),
        ("… p90", f"{detector_cost.quantile(seconds, 90):.3f} s"),
        ("the usual MERGE and aggregate, one chunk, local disk, median", f"{theirs:.3f} s"),
        ("… ours to that", f"1/{theirs / ours:.1f}"),
        ("catching up, 20 chunks a micro-batch", f"{rate:,.0f} transactions/s"),
        ("start to first commit (of 20 chunks)", f"{first_commit:.1f} s"),
        ("start to first commit (of 1 chunk), no state", f"{small:.1f} s"),
        ("… with 1,000,000 pairs of state", f"{large:.1f} s"),
        ("landing one chunk at line 0", f"{chunker.at_line_0:.3f} s"),
        (f"… at line {chunker_cost.DEEP_LINE:,}", f"{chunker.at_deep_line:.3f} s"),
        ("landing one chunk into an empty landing zone, local S3", f"{chunker.empty_zone:.3f} s"),
        (f"… beside {chunker_cost.FULL_ZONE:,} chunks", f"{chunker.full_zone:.3f} s"),
    ]
    print("| what | measured |\n| --- | --- |")
    for what, measured in rows:
        print(f"| {what} | {measured} |")


def _download_chunks(s3: LocalS3, directory: Path) -> list[Path]:
    """Return the chunks of the catching-up lake as local files, in order."""
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix="catch-up/landing_zone/")
    paths = []
    for entry in [entry for page in pages for entry in page["Contents"]]:
        path = directory / Path(entry["Key"]).name
        s3.client().download_file(_BUCKET, entry["Key"], str(path))
        paths.append(path)
    return paths


if __name__ == "__main__":
    main()
