"""Why a pattern holds or does not hold for a merchant and a customer: the answer to a search."""

import math
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pattern_page.detection_table import Detections, describe_condition
from spark_jobs.errors import UnknownNameError
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.patterns.explain import Explained, ExplainedPattern, explain
from spark_jobs.patterns.measures import Subject

if TYPE_CHECKING:
    from spark_jobs.lake.merchant_state import MerchantState

# Customers that are offered if only a merchant is given.
_CUSTOMERS_SHOWN = 20
_SIMILAR_SHOWN = 3
# Customers that are searched for similar names, and names that are compared letter by letter: more would take seconds.
_NAMES_SEARCHED = 100_000
_NAMES_COMPARED = 5_000


def explanation(
    merchant: str, customer: str, state: "MerchantState", detections: Detections, merchants: pa.ChunkedArray
) -> dict[str, Any]:
    """Return each pattern with its conditions, and when it was reported.

    Args:
        merchant: as in the master file.
        customer: "" for the patterns of the merchant, and its customers with the most transactions.
        state: of the merchant.
        detections: that were reported, or the latest of them.
        merchants: names of all merchants, from which similar ones are suggested.

    Raises:
        UnknownNameError: there is no such merchant or customer.
    """
    if not len(state.pairs):
        raise _unknown(f"There is no merchant {merchant!r}", state.line, merchant, merchants)
    try:
        explained = explain(state.rules, state.pairs, customer or None)
    except KeyError:
        known = state.pairs.names.take(np.arange(min(len(state.pairs), _NAMES_SEARCHED))).to_arrow()
        raise _unknown(f"Merchant {merchant!r} has no customer {customer!r}", state.line, customer, known) from None
    return {
        "merchant": merchant,
        "customer": customer,
        "line": state.line,
        "version": state.version,
        "customers": len(state.pairs),
        "largest": [] if customer else largest_customers(state.pairs, _CUSTOMERS_SHOWN),
        "patterns": [_pattern(one, merchant, customer, detections) for one in explained],
    }


def largest_customers(pairs: PairState, limit: int) -> list[dict[str, Any]]:
    """Return the customers of one merchant with the most transactions, in that order."""
    transactions = pairs.pairs.values["transactions"].astype(np.int64)
    rows = np.argsort(-transactions, kind="stable")[:limit]
    names = pairs.names.take(rows).to_arrow().to_pylist()
    return [
        {"customer": name, "transactions": count}
        for name, count in zip(names, transactions[rows].tolist(), strict=True)
    ]


def similar_names(name: str, names: pa.Array | pa.ChunkedArray) -> list[str]:
    """Return the shortest names that contain `name`, ignoring case, or else some that look like it."""
    containing = names.filter(pc.match_substring(names, name, ignore_case=True)).to_pylist()
    shortest = sorted(containing, key=lambda one: (len(one), one))[:_SIMILAR_SHOWN]
    return shortest or get_close_matches(name, names.slice(0, _NAMES_COMPARED).to_pylist(), _SIMILAR_SHOWN)


def _unknown(problem: str, line: int, name: str, names: pa.Array | pa.ChunkedArray) -> UnknownNameError:
    similar = similar_names(name, names)
    remedy = f"did you mean {', '.join(similar)}?" if similar else "its lines are not committed yet, or in quarantine"
    return UnknownNameError(f"{problem} as of line {line:,}; {remedy}")


def _pattern(one: ExplainedPattern, merchant: str, customer: str, detections: Detections) -> dict[str, Any]:
    pattern = one.pattern
    name = "" if pattern.subject is Subject.MERCHANT else customer
    rows = detections.rows
    same = (("patternId", pattern.id), ("MerchantId", merchant), ("customerName", name))
    for column, value in same:
        rows = rows.filter(pc.equal(rows[column], value))
    return {
        "id": pattern.id,
        "action": pattern.action,
        "subject": pattern.subject,
        "status": pattern.status,
        "holds": one.holds,
        "reported": one.reported,
        "reports": [
            {
                "seq": row["seq"],
                "line": row["line"],
                "version": row["rules_version"] or 0,
                "detected_at": row["detectionTime"].timestamp(),
            }
            for row in rows.select(["seq", "line", "rules_version", "detectionTime"]).to_pylist()
        ],
        "conditions": [_condition(each) for each in one.conditions],
    }


def _condition(one: Explained) -> dict[str, Any]:
    values = {"value": one.left, "threshold": one.right, "off": one.off}
    known = {key: None if math.isnan(value) else value for key, value in values.items()}
    return describe_condition(one.condition) | known | {"holds": one.holds}
