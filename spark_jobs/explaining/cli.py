"""`explain`: show each condition of each pattern for a merchant or a customer, and when it was reported."""

import argparse
import math
import sys
from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc
from deltalake.exceptions import TableNotFoundError

from spark_jobs import exit_codes
from spark_jobs.command_line import exit_on_error, job_logger
from spark_jobs.errors import UnknownNameError
from spark_jobs.lake import layout
from spark_jobs.lake.merchant_state import read_merchant
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA
from spark_jobs.patterns.explain import Explained, ExplainedPattern, explain
from spark_jobs.patterns.measures import Subject
from spark_jobs.patterns.rules import Status
from spark_jobs.store.delta import find_table, load_table, retry_delta, with_columns
from spark_jobs.store.objects import Objects, open_objects

_REPORTED = ("patternId", "customerName", "line", "seq", "rules_version")


def main(arguments: Sequence[str] | None = None) -> int:
    """Explain; return 0.

    Raises:
        SystemExit: 75 if running again can help, 70 if the lake has no such merchant or customer, 2 on a wrong command
            line.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error(job_logger("explain")):
        print("\n".join(explanation(open_objects(options.lake), options.merchant, options.customer)))
    return exit_codes.DONE


def explanation(lake: Objects, merchant: str, customer: str | None) -> list[str]:
    """Return the lines to print.

    Args:
        lake: whose state is read.
        merchant: as in the master file.
        customer: None for patterns of merchants only.

    Raises:
        UnknownNameError: there is no such merchant or customer as of the committed line.
    """
    url = lake.place(layout.PAIRS)
    state = retry_delta(url, lambda: read_merchant(lake, find_table(url), merchant))
    if not len(state.pairs):
        msg = f"{lake.url}: no merchant {merchant!r} in the state, which is as of line {state.line}; {_REMEDY}"
        raise UnknownNameError(msg)
    try:
        explained = explain(state.rules, state.pairs, customer)
    except KeyError as error:
        msg = f"{lake.url}: merchant {merchant!r} has no customer {customer!r} as of line {state.line}; {_REMEDY}"
        raise UnknownNameError(msg) from error
    reported = _reported(lake, merchant)
    return [
        f"as of line {state.line:,}, by version {state.version} of the rules",
        *(line for one in explained for line in _described(one, customer, reported)),
    ]


_REMEDY = "check the name, and whether its lines are committed or in quarantine"


def _reported(lake: Objects, merchant: str) -> list[dict[str, Any]]:
    """Return what was reported of a merchant and its customers."""
    url = lake.place(layout.DETECTIONS)
    which = pc.field("MerchantId") == merchant
    try:
        rows = retry_delta(url, lambda: load_table(url).to_pyarrow_dataset().to_table(filter=which))
    except TableNotFoundError:
        return []
    found: list[dict[str, Any]] = with_columns(rows, DETECTIONS_SCHEMA).select(_REPORTED).to_pylist()
    return found


def _described(one: ExplainedPattern, customer: str | None, reported: list[dict[str, Any]]) -> list[str]:
    pattern = one.pattern
    status = "" if pattern.status is Status.ACTIVE else f", {pattern.status}"
    name = "" if pattern.subject is Subject.MERCHANT else customer
    when = [
        f"reported at line {row['line']} by version {row['rules_version'] or 0} (seq {row['seq']})"
        for row in reported
        if (row["patternId"], row["customerName"]) == (pattern.id, name)
    ]
    summary = f"{'holds' if one.holds else 'does not hold'}{status}, {'; '.join(when) or 'not reported'}"
    return ["", f"{pattern.id} {pattern.action}: {summary}", *(f"  {_compared(each)}" for each in one.conditions)]


def _compared(one: Explained) -> str:
    unit = one.condition.unit
    left, right = ("no value" if math.isnan(value) else f"{unit}{value:,.10g}" for value in (one.left, one.right))
    verdict = "yes" if one.holds else "no" if math.isnan(one.off) else f"no, off by {unit}{one.off:,.10g}"
    return f"{one.condition.text}: {left} {one.condition.operator} {right}: {verdict}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="explain",
        description="Show each condition of each pattern for a merchant, and for a customer of it: both values, whether"
        " it holds, by how much it is off, and when the pattern was reported, by which version of the rules.",
        epilog="Exit codes: 0 done, 75 failed but worth a retry, 70 no such merchant or customer.",
    )
    parser.add_argument("--lake", required=True, metavar="URL", help="the root of the lake: s3://… or file:///…")
    parser.add_argument("--merchant", required=True, metavar="NAME", help="as in the master file, without quotes")
    parser.add_argument("--customer", metavar="NAME", help="without it, only patterns of merchants are shown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
