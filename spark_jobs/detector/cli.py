"""`detector`: stream the landing zone, keep the state, and write detections until it is stopped."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from spark_jobs import exit_codes
from spark_jobs.command_line import (
    add_lake,
    add_threshold,
    at_least_one,
    exit_on_error,
    job_logger,
    report,
    stop_on_signals,
)
from spark_jobs.detector.backend import DRIVER, SPARK
from spark_jobs.detector.run import DetectorSettings, run
from spark_jobs.lake.state_switch import switch_writer
from spark_jobs.lake.state_version import Writer
from spark_jobs.patterns.built_in import parse_thresholds
from spark_jobs.store.objects import open_objects

_WRITERS = {DRIVER: Writer.DELTALAKE, SPARK: Writer.SPARK}
# By the placements of earlier releases.
_BACKENDS = {"driver": DRIVER, "cluster": SPARK}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the detector; return 0 after a clean stop.

    Raises:
        SystemExit: 75 if a restart can help, 70 if it cannot, 2 on a wrong command line.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.rules is not None and (options.output is None or options.threshold):
        parser.error("--rules needs --output, and no --threshold: to change a lake's own rules, publish them")
    if options.from_line is not None and options.output is None:
        parser.error("--from-line needs --output: a lake's own state resumes from its committed line")
    log = job_logger("detector")
    if options.placement:
        backend = _BACKENDS[options.placement]
        log.warning(f"--placement is now --state-backend {backend}; the next release does not know it any more")
        options.state_backend = options.state_backend or backend
    if options.switch_state_backend:
        with exit_on_error(log):
            summary = switch_writer(open_objects(options.lake), _WRITERS[options.switch_state_backend], log)
        report(log, "state backend switched", summary)
        return exit_codes.DONE
    with exit_on_error(log), stop_on_signals(log) as stopping:
        run(_settings(options), stopping, lambda: datetime.now(UTC), log)
    return exit_codes.DONE


def _settings(options: argparse.Namespace) -> DetectorSettings:
    return DetectorSettings(
        lake=options.lake,
        replay_to=options.output,
        from_line=options.from_line or 0,
        importance=options.importance,
        landing_format=options.landing_format,
        until_line=options.until_line,
        available_now=options.available_now,
        max_chunks=options.max_chunks,
        thresholds=parse_thresholds(options.threshold),
        rules_file=options.rules,
        every_chunk=options.report == "every_chunk",
        state_backend=options.state_backend or DRIVER,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="detector",
        description="Stream the landing zone, keep the state, and write detections, 50 to a file.",
        epilog="Exit codes: 0 stopped cleanly, 75 failed but worth a restart, 70 failed permanently.",
    )
    add_lake(parser)
    parser.add_argument(
        "--output",
        metavar="URL",
        help="replay: keep state and detections here instead, and only read the lake",
    )
    parser.add_argument(
        "--from-line",
        type=_line,
        metavar="N",
        help="begin the replay with the lake's state as of this line, if it is kept (0: without any)",
    )
    parser.add_argument("--rules", metavar="FILE", help="rules of the replay, instead of those that the lake has used")
    parser.add_argument("--importance", metavar="URL", help="CustomerImportance.csv: weights of transactions")
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--until-line", type=int, metavar="N", help="stop after the chunk that contains line N - 1")
    end.add_argument("--available-now", action="store_true", help="stop at the line that is landed at the start")
    parser.add_argument(
        "--max-chunks",
        type=at_least_one,
        default=100,
        metavar="N",
        help="chunks per micro-batch, at most (%(default)s)",
    )
    add_threshold(parser)
    parser.add_argument(
        "--report",
        choices=("once", "every_chunk"),
        default="once",
        help="report a detection once, or after every chunk (%(default)s)",
    )
    parser.add_argument(
        "--state-backend",
        choices=(DRIVER, SPARK),
        help=f"keep the totals in the driver's memory, or in Delta, advanced and written by Spark ({DRIVER})",
    )
    parser.add_argument(
        "--switch-state-backend",
        choices=(DRIVER, SPARK),
        help="let the other backend write the state from now on, and exit; the detector must be stopped",
    )
    # The name in earlier releases.
    parser.add_argument("--placement", choices=tuple(_BACKENDS), help=argparse.SUPPRESS)
    return parser


def _line(text: str) -> int:
    if not text.isdecimal():
        msg = f"{text!r} is not a line: lines are whole numbers from 0"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
