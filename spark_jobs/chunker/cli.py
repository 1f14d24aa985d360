"""`chunker`: land the next chunks of the master file, and print a summary of one line."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from spark_jobs import exit_codes
from spark_jobs.chunker.land import ChunkerJob, LandedChunk, land_next_chunk
from spark_jobs.command_line import add_lake, at_least_one, exit_on_error, job_logger, report
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.store.objects import open_object, open_objects


@dataclass(frozen=True)
class ChunkerSummary:
    """The outcome of a run.

    Attributes:
        outcome: `done`, or `nothing_new` if no further line was finished.
        chunks: chunks landed, adopted ones included.
        lines_read: lines of these chunks.
        lines_landed: lines that are transactions.
        lines_quarantined: the other lines.
        chunks_without_gender: chunks with transactions of which none has the gender F or M.
        landed_line: all lines below it are in the landing zone.
        seconds: duration of the run inside the process.
    """

    outcome: str
    chunks: int
    lines_read: int
    lines_landed: int
    lines_quarantined: int
    chunks_without_gender: int
    landed_line: int
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chunker; return 0 if a chunk was landed, 10 if there was nothing new.

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
        summary = run(job, options.max_chunks)
    report(log, "chunker run ended", summary)
    return exit_codes.DONE if summary.outcome == "done" else exit_codes.NOTHING_NEW


def run(job: ChunkerJob, max_chunks: int) -> ChunkerSummary:
    """Land up to `max_chunks` chunks, one after another."""
    started = time.monotonic()
    chunks: list[LandedChunk] = []
    while len(chunks) < max_chunks and (chunk := land_next_chunk(job)):
        chunks.append(chunk)
    lines = sum(chunk.end - chunk.first for chunk in chunks)
    quarantined = sum(chunk.quarantined for chunk in chunks)
    return ChunkerSummary(
        outcome="done" if chunks else "nothing_new",
        chunks=len(chunks),
        lines_read=lines,
        lines_landed=lines - quarantined,
        lines_quarantined=quarantined,
        chunks_without_gender=sum(chunk.lacks_gender for chunk in chunks),
        landed_line=chunks[-1].end if chunks else read_landed_line(job.lake),
        seconds=round(time.monotonic() - started, 3),
    )


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
    return parser


if __name__ == "__main__":
    sys.exit(main())
