"""Shared parts of the command lines: arguments, structured logs, and exit codes of errors."""

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

from spark_jobs import exit_codes
from spark_jobs.errors import PipelineError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def at_least_one(text: str) -> int:
    """Parse a count of lines or chunks: the `type` of an argument.

    Raises:
        ArgumentTypeError: not a number, or less than 1.
    """
    return _whole_number(text, 1)


def at_least_zero(text: str) -> int:
    """Parse seconds: the `type` of an argument.

    Raises:
        ArgumentTypeError: not a number, or less than 0.
    """
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        msg = f"{text!r} is not a whole number of at least {least}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def add_lake(parser: argparse.ArgumentParser) -> None:
    """Add `--lake` and `--landing-format`."""
    parser.add_argument("--lake", required=True, metavar="URL", help="the root of the lake: s3://… or file:///…")
    parser.add_argument("--landing-format", choices=("csv", "delta"), default="csv", help="(%(default)s)")


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """Add `--threshold`, parsed by `parse_thresholds`."""
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="override a threshold of a pattern; repeatable",
    )


def job_logger(job: str) -> logging.Logger:
    """Return a job's logger, which writes one JSON object per line; more keys are passed as `extra={"fields": {…}}`."""
    logger = logging.getLogger(job)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_JsonFormatter())
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return logger


@contextmanager
def exit_on_error(log: logging.Logger) -> Iterator[None]:
    """Log an error raised on purpose, and exit with its code.

    Raises:
        SystemExit: 75 if running again can help, 70 if it cannot.
    """
    try:
        yield
    except PipelineError as error:
        log.error(str(error), extra={"fields": {"error": type(error).__name__, "retryable": error.retryable}})
        raise SystemExit(exit_codes.of_error(error)) from error


@contextmanager
def stop_on_signals(log: logging.Logger) -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set; restore their handlers, as a notebook's kernel outlives the job."""
    stopping, received = threading.Event(), list[int]()

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            # Here, because a handler may interrupt the logger.
            log.info("stopped by a signal", extra={"fields": {"signal": signal.Signals(received[0]).name}})


def report(log: logging.Logger, event: str, summary: "DataclassInstance") -> None:
    """Log the summary of a run, and print it as one line of JSON."""
    log.info(event, extra={"fields": asdict(summary)})
    sys.stdout.write(json.dumps(asdict(summary)) + "\n")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "job": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        text = json.dumps(entry, ensure_ascii=False)
        # Some readers of logs end a line at U+2028 or U+0085, which JSON leaves as they are.
        return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
