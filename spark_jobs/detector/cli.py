"""`detector`: stream the landing zone, keep the state, report detections, until told to stop."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from spark_jobs import exit_codes
from spark_jobs.command_line import add_threshold, at_least_one
from spark_jobs.detector.placement import PLACEMENTS
from spark_jobs.detector.run import Settings, run
from spark_jobs.lake.landing import FORMATS
from spark_jobs.log import job_logger
from spark_jobs.patterns import THRESHOLDS
from spark_jobs.patterns.thresholds import parse_thresholds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the detector; return 0 after a clean stop.

    Raises:
        SystemExit: 75 where a restart can help, 70 where it cannot, 2 on a wrong command line.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.from_line is not None and options.output is None:
        parser.error("--from-line needs --output: a lake's own state goes on from its committed line")
    log = job_logger("detector")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with exit_codes.exit_on_error(log):
        run(_settings(options), stopping, lambda: datetime.now(UTC), log)
    return exit_codes.DONE


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        lake=options.lake.rstrip("/"),
        replay_to=options.output and options.output.rstrip("/"),
        from_line=options.from_line or 0,
        importance=options.importance,
        landing_format=options.landing_format,
        until_line=options.until_line,
        available_now=options.available_now,
        max_chunks=options.max_chunks,
        thresholds=parse_thresholds(options.threshold, THRESHOLDS),
        every_chunk=options.report == "every_chunk",
        placement=options.placement,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="detector",
        description="Stream the landing zone, keep the state, and write detections, 50 to a file.",
        epilog="Exit codes: 0 stopped cleanly, 75 failed and worth a restart, 70 failed for good.",
    )
    parser.add_argument("--lake", required=True, metavar="URL", help="the root under which everything lies")
    parser.add_argument(
        "--output",
        metavar="URL",
        help="keep state, detections and files here, in a place of their own, and only read the lake: a replay",
    )
    parser.add_argument(
        "--from-line",
        type=_line,
        metavar="N",
        help="begin the replay with the lake's state as of this line, if it is kept (0: with none)",
    )
    parser.add_argument("--importance", metavar="URL", help="CustomerImportance.csv: weights of transactions")
    parser.add_argument("--landing-format", choices=FORMATS, default="csv", help="(%(default)s)")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--until-line", type=int, metavar="N", help="stop after the chunk that holds line N - 1")
    end.add_argument("--available-now", action="store_true", help="stop at the line that is landed at the start")
    parser.add_argument(
        "--max-chunks", type=at_least_one, default=50, metavar="N", help="chunks a micro-batch may hold (%(default)s)"
    )
    add_threshold(parser)
    parser.add_argument(
        "--report",
        choices=("once", "every_chunk"),
        default="once",
        help="report what holds once, or each time (%(default)s)",
    )
    parser.add_argument(
        "--placement",
        choices=PLACEMENTS,
        default="driver",
        help="where the state is: in the driver's memory, or in Delta and advanced by the executors (%(default)s)",
    )
    return parser


def _line(text: str) -> int:
    if not text.isdecimal():
        msg = f"{text} is no line: lines are counted from 0"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
