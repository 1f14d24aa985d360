"""`what_if`: what other rules would have found in landed chunks, compared with what was found."""

import argparse
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from spark_jobs import exit_codes
from spark_jobs.command_line import add_lake, exit_on_error, job_logger
from spark_jobs.errors import RulesError
from spark_jobs.lake.rules import read_rules_file
from spark_jobs.lake.what_if_report import format_report
from spark_jobs.lake.what_if_request import parse_report_id
from spark_jobs.store.objects import open_object
from spark_jobs.what_if.request import Asked
from spark_jobs.what_if.run import WhatIfSettings, run
from spark_jobs.what_if.text import format_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a what-if; return 0.

    Raises:
        SystemExit: 75 if running again can help, 70 if it cannot, 2 on a wrong command line.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    # Not groups of argparse: a job passes all of its parameters, and those that a run does not set are empty.
    if (options.rules is None) == (options.rules_text is None):
        parser.error("give either --rules or --rules-text")
    if (options.from_line is None) == (options.last_hours is None):
        parser.error("give either --from-line or --last-hours")
    log = job_logger("what_if")
    with exit_on_error(log):
        report = run(_settings(options), lambda: datetime.now(UTC), log)
    print(format_report(report).decode() if options.format == "json" else format_text(report))
    return exit_codes.DONE


def _settings(options: argparse.Namespace) -> WhatIfSettings:
    rules, place = options.rules_text, "--rules-text"
    if options.rules is not None:
        rules, place = _read_rules(options.rules), options.rules
    return WhatIfSettings(
        lake=options.lake,
        landing_format=options.landing_format,
        importance=options.importance,
        asked=Asked(options.from_line, options.last_hours),
        rules=rules,
        rules_place=place,
        report=options.report,
    )


def _read_rules(place: str) -> str:
    """Return the text of rules in a local file or at a URL."""
    if "://" not in place:
        return read_rules_file(place)[0].decode()
    folder, name = open_object(place)
    found = folder.find(name)
    if found is None:
        msg = f"{place} does not exist; upload the rules, or name a local file"
        raise RulesError(msg)
    try:
        return found.data.decode()
    except UnicodeDecodeError as error:
        msg = f"{place}: not TOML in UTF-8: {error}; fix the file"
        raise RulesError(msg) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="what_if",
        description="Replay landed chunks with other rules, in memory, and report by pattern what is the same, new,"
        " gone, earlier or later than what the detector has found. The lake is only read, except for the report.",
        epilog="Give one of --rules and --rules-text, and one of --from-line and --last-hours. Exit codes: 0 done, 75"
        " failed but worth a retry, 70 failed permanently.",
    )
    add_lake(parser)
    parser.add_argument("--rules", type=_optional, metavar="FILE|URL", help="the rules to try")
    parser.add_argument("--rules-text", type=_optional, metavar="TOML", help="the rules to try, as text")
    parser.add_argument(
        "--from-line", type=_line, metavar="N", help="begin at this line, if its state is kept (0: without any)"
    )
    parser.add_argument(
        "--last-hours",
        type=_hours,
        metavar="H",
        help="begin with the chunks of the last hours, at the nearest line before them whose state is kept",
    )
    parser.add_argument("--importance", metavar="URL", help="CustomerImportance.csv, as the detector uses it")
    parser.add_argument(
        "--report",
        type=_report,
        metavar="ID",
        help="record the report in the lake, under what_if/ID/; repeating it is safe",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the output (%(default)s)")
    return parser


def _optional(text: str) -> str | None:
    return text or None


def _line(text: str) -> int | None:
    if text and not text.isdecimal():
        msg = f"{text!r} is not a line: lines are whole numbers from 0"
        raise argparse.ArgumentTypeError(msg)
    return int(text) if text else None


def _hours(text: str) -> float | None:
    if not text:
        return None
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours < math.inf:
        msg = f"{text!r} is not a number of hours above 0"
        raise argparse.ArgumentTypeError(msg)
    return hours


def _report(text: str) -> str | None:
    try:
        return parse_report_id(text) if text else None
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
