"""`publish_rules`: publish the rules that a what-if has reported on, as a job does after a person has approved them."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from spark_jobs import exit_codes
from spark_jobs.command_line import exit_on_error, job_logger
from spark_jobs.errors import WhatIfError
from spark_jobs.lake.layout import rules_path
from spark_jobs.lake.rules import PublishedRules, publish_rules
from spark_jobs.lake.what_if_report import find_report, report_path
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
        published = publish_reported(lake, options.report, options.author, options.comment, datetime.now(UTC))
        fields = {"rules_version": published.version, "report": options.report, "author": options.author}
        log.info(f"published {lake.place(rules_path(published.version))}", extra={"fields": fields})
    return exit_codes.DONE


def publish_reported(lake: Objects, report: str, author: str, comment: str, now: datetime) -> PublishedRules:
    """Publish the rules of a report as the version after the newest one at that time; repeating it is safe.

    Raises:
        WhatIfError: there is no such report.
        RulesError: another version was published since, or as `publish_rules` does.
    """
    found = find_report(lake, report)
    if found is None:
        msg = f"{lake.place(report_path(report))} does not exist; run what_if with --report {report} first"
        raise WhatIfError(msg)
    return publish_rules(lake, found.request.rules.encode(), author, comment, now, found.request.newest_version)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="publish_rules",
        description="Publish the rules that a what-if has reported on. They become the version after the one that was"
        " newest at that time, or are refused if there is another one. Repeating it is safe.",
        epilog="Exit codes: 0 done, 75 failed but worth a retry, 70 refused.",
    )
    parser.add_argument("--lake", required=True, metavar="URL", help="the root of the lake: s3://… or file:///…")
    parser.add_argument("--report", required=True, type=_report, metavar="ID", help="of the what-if")
    parser.add_argument("--author", required=True, type=_author, help="recorded with the version")
    parser.add_argument("--comment", default="", help="recorded with the version")
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


if __name__ == "__main__":
    sys.exit(main())
