"""`explain`: show each condition of each pattern for a merchant or a customer, and when it was reported."""

import argparse
import math
import sys
from collections.abc import Sequence

from spark_jobs import exit_codes
from spark_jobs.command_line import add_threshold, exit_on_error, job_logger
from spark_jobs.errors import StateError
from spark_jobs.lake.merchant_state import MerchantState, read_merchant
from spark_jobs.lake.rules import read_adopted
from spark_jobs.patterns.built_in import built_in_rules, parse_thresholds
from spark_jobs.patterns.explain import Explained, explain
from spark_jobs.patterns.measures import Subject
from spark_jobs.patterns.rules import Pattern, Status
from spark_jobs.store.objects import Objects, open_objects


def main(arguments: Sequence[str] | None = None) -> int:
    """Explain; return 0.

    Raises:
        SystemExit: 75 if running again can help, 70 if the lake has no such merchant or customer, 2 on a wrong command
            line.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error(job_logger("explain")):
        lake = open_objects(options.lake)
        thresholds = parse_thresholds(options.threshold)
        print("\n".join(explanation(lake, options.merchant, options.customer, thresholds)))
    return exit_codes.DONE


def explanation(lake: Objects, merchant: str, customer: str | None, thresholds: dict[str, float]) -> list[str]:
    """Return the lines to print.

    Args:
        lake: whose state is read.
        merchant: as in the master file.
        customer: None for patterns of merchants only.
        thresholds: of the detector's command line; published rules replace them.

    Raises:
        StateError: there is no such merchant or customer as of the committed line.
    """
    state = read_merchant(lake, merchant)
    if not state.pairs.num_rows:
        msg = f"{lake.url}: no merchant {merchant!r} in the state, which is as of line {state.line}; {_REMEDY}"
        raise StateError(msg)
    version, rules = 0, built_in_rules(thresholds)
    if state.adoption:
        version, rules = state.adoption.version, read_adopted(lake, state.adoption).rule_set
    try:
        explained = explain(rules, state.pairs, customer)
    except KeyError as error:
        msg = f"{lake.url}: merchant {merchant!r} has no customer {customer!r} as of line {state.line}; {_REMEDY}"
        raise StateError(msg) from error
    return [
        f"as of line {state.line:,}, by version {version} of the rules",
        *(
            line
            for pattern, conditions in explained
            for line in (
                "",
                f"{pattern.id} {pattern.action}: {_summary(pattern, conditions, state, customer)}",
                *(f"  {_described(one)}" for one in conditions),
            )
        ),
    ]


_REMEDY = "check the name, and whether its lines are committed or in quarantine"


def _summary(pattern: Pattern, conditions: list[Explained], state: MerchantState, customer: str | None) -> str:
    holds = "holds" if all(one.holds for one in conditions) else "does not hold"
    status = "" if pattern.status is Status.ACTIVE else f", {pattern.status}"
    name = "" if pattern.subject is Subject.MERCHANT else customer
    reported = [
        f"reported at line {row['line']} by version {row['rules_version'] or 0} (seq {row['seq']})"
        for row in state.detections.select(["patternId", "customerName", "line", "seq", "rules_version"]).to_pylist()
        if (row["patternId"], row["customerName"]) == (pattern.id, name)
    ]
    return f"{holds}{status}, {'; '.join(reported) or 'not reported'}"


def _described(one: Explained) -> str:
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
    add_threshold(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
