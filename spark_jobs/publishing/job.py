"""`publish_rules`: publish the rules that a what-if has reported on, as a job does after a person has approved them."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from spark_jobs import exit_codes
from spark_jobs.command_line import exit_on_error, job_logger
from spark_jobs.lake.layout import rules_path
from spark_jobs.lake.rules import PublishedRules, Review, publish_rules
from spark_jobs.lake.what_if_report import read_report
from spark_jobs.lake.what_if_request import parse_report_id
from spark_jobs.store.objects import Objects, open_objects


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish; return 0.

    Raises:
        SystemExit: 75 if running again can help, 70 if the rules are refused, 2 on a wrong command line.
    """
    options = _parser().parse_args(arguments)
    log = job_logger("publish_rules")
    with exit_on_error(log):
        lake = open_objects(options.lake)
        published = publish_reported(lake, options, datetime.now(UTC))
        fields = {"rules_version": published.version, "report": options.report, "author": options.author}
        log.info(f"published {lake.place(rules_path(published.version))}", extra={"fields": fields})
    return exit_codes.DONE


def publish_reported(lake: Objects, options: argparse.Namespace, now: datetime) -> PublishedRules:
    """Publish the rules of a report as the version after the newest one at that time; repeating it is safe.

    Raises:
        WhatIfError: there is no such report.
        RulesError: another version was published since, or as `publish_rules` does.
    """
    request = read_report(lake, options.report).request
    review = Review(options.report, request.newest_version, options.requested_by, options.approved_at)
    return publish_rules(lake, request.rules.encode(), options.author, options.comment, now, review)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="publish_rules",
        description="Publish the rules that a what-if has reported on. They become the version after the one that was"
        " newest at that time, or are refused if there is another one. Repeating it is safe.",
        epilog="Exit codes: 0 done, 75 failed but worth a retry, 70 refused.",
    )
    parser.add_argument("--lake", required=True, metavar="URL", help="the root of the lake: s3://… or file:///…")
    parser.add_argument("--report", required=True, type=_report, metavar="ID", help="of the what-if")
    parser.add_argument("--author", required=True, type=_author, help="who approves it, recorded with the version")
    parser.add_argument("--comment", default="", help="recorded with the version")
    parser.add_argument("--requested-by", default="", metavar="NAME", help="recorded with the version")
    parser.add_argument(
        "--approved-at", type=_time, metavar="TIME", help="ISO 8601 with UTC offset, recorded with the version"
    )
    return parser


def _report(text: str) -> str:
    try:
        return parse_report_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _author(text: str) -> str:
    if not text:
        msg = "name the person who has approved the rules"
        raise argparse.ArgumentTypeError(msg)
    return text


def _time(text: str) -> datetime | None:
    """Return a time; the job passes "" for none."""
    if not text:
        return None
    try:
        time: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        msg = f"{text!r} is not a time with a UTC offset, such as 2026-01-31T12:00:00+00:00"
        raise argparse.ArgumentTypeError(msg)
    return time


if __name__ == "__main__":
    sys.exit(main())
