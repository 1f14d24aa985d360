"""`chunker`: land the next chunks of the master file, once or for a while, and print a summary of one line."""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from spark_jobs import exit_codes
from spark_jobs.chunker.land import ChunkerJob
from spark_jobs.chunker.looks import Pace, follow, look_once
from spark_jobs.command_line import (
    add_lake,
    at_least_one,
    at_least_zero,
    exit_on_error,
    job_logger,
    report,
    stop_on_signals,
)
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.store.objects import open_object, open_objects


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chunker; return 0 if a chunk was landed, 10 if there was nothing new in all of its time.

    A run that follows the master file ends between two chunks on SIGTERM and SIGINT.

    Raises:
        SystemExit: 75 if a retry can help, 70 if it cannot, 2 on a wrong command line.
    """
    options = _parser().parse_args(arguments)
    log = job_logger("chunker")
    with exit_on_error(log):
        folder, name = open_object(options.source)
        lake = open_objects(options.lake)
        landing = open_landing(options.landing_format, lake)
        job = ChunkerJob(MasterFile(folder, name), lake, landing, options.chunk_size, now=lambda: datetime.now(UTC))
        if options.follow_seconds:
            pace = Pace(options.follow_seconds, options.interval_seconds)
            with stop_on_signals(log) as stopping:
                summary = follow(job, pace, stopping.wait, time.monotonic)
        else:
            summary = look_once(job, options.max_chunks)
    report(log, "chunker run ended", summary)
    return exit_codes.DONE if summary.outcome == "done" else exit_codes.NOTHING_NEW


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chunker",
        description="Land the next lines of the master file as chunks, and advance offset.csv.",
        epilog="Exit codes: 0 landed, 10 nothing new, 75 failed but worth a retry, 70 failed permanently.",
    )
    parser.add_argument("--source", required=True, metavar="URL", help="the master file: s3://… or file:///…")
    add_lake(parser)
    parser.add_argument(
        "--chunk-size", type=at_least_one, default=10_000, metavar="LINES", help="lines per chunk (%(default)s)"
    )
    parser.add_argument(
        "--max-chunks", type=at_least_one, default=1, metavar="N", help="chunks per run, at most (%(default)s)"
    )
    parser.add_argument(
        "--follow-seconds",
        type=at_least_zero,
        default=0,
        metavar="SECONDS",
        help="look again and again for so long, and land all lines, whatever --max-chunks is (%(default)s: look once)",
    )
    parser.add_argument(
        "--interval-seconds",
        type=at_least_one,
        default=5,
        metavar="SECONDS",
        help="between two looks while following (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
