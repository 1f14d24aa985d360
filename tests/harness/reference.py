"""Reference implementation of the patterns: recomputes everything from all transactions after each chunk."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from spark_jobs.patterns.thresholds import Thresholds


@dataclass(frozen=True)
class Transaction:
    """One line of the master file; `weight` is the text of that column, None without one."""

    customer: str
    gender: str
    merchant: str
    category: str
    amount: str
    weight: str | None = None


@dataclass(frozen=True)
class ImportanceRow:
    """One row of the importance file; `weight` is its text."""

    customer: str
    merchant: str
    category: str
    weight: str


Found = tuple[int, str, str, str, str, dict[str, float], dict[str, float]]


def detections(
    lines: Sequence[Transaction | None],
    chunk_ends: Sequence[int],
    thresholds: Thresholds,
    importance: Sequence[ImportanceRow] | None,
    every_chunk: bool,
) -> list[Found]:
    """Return (line, pattern, action, merchant, customer, evidence, thresholds) of each detection, in order of seq.

    None is a quarantined line.
    """
    reported: set[tuple[str, str, str]] = set()
    result: list[Found] = []
    start = 0
    for end in chunk_ends:
        history = [transaction for transaction in lines[:end] if transaction]
        touched = [transaction for transaction in lines[start:end] if transaction]
        found = [
            *_upgrades(history, touched, thresholds, importance),
            *_children(history, touched, thresholds),
            *_dei_needed(history, touched, thresholds),
        ]
        for pattern, action, merchant, customer, evidence, compared_with in found:
            if every_chunk or (pattern, merchant, customer) not in reported:
                reported.add((pattern, merchant, customer))
                result.append((end, pattern, action, merchant, customer, evidence, compared_with))
        start = end
    return result


def merchant_row(
    history: Sequence[Transaction], merchant: str, thresholds: Thresholds, importance: Sequence[ImportanceRow] | None
) -> tuple[int, int, int, int, float, float | None]:
    """Return transactions, customers, female and male customers, and both percentiles of a merchant."""
    own = [transaction for transaction in history if transaction.merchant == merchant]
    first = {transaction.customer: transaction.gender for transaction in reversed(own)}
    counts = [sum(t.customer == customer for t in own) for customer in first]
    means = [_mean_weight([t for t in own if t.customer == customer], importance) for customer in first]
    known = [mean for mean in means if mean is not None]
    return (
        len(own),
        len(first),
        sum(gender == "F" for gender in first.values()),
        sum(gender == "M" for gender in first.values()),
        float(np.percentile(counts, thresholds["upgrade_transactions_percentile"])),
        float(np.percentile(known, thresholds["upgrade_weight_percentile"])) if known else None,
    )


_Holding = tuple[str, str, str, str, dict[str, float], dict[str, float]]


def _upgrades(
    history: Sequence[Transaction],
    touched: Sequence[Transaction],
    thresholds: Thresholds,
    importance: Sequence[ImportanceRow] | None,
) -> list[_Holding]:
    result: list[_Holding] = []
    for merchant, customer in sorted({(t.merchant, t.customer) for t in touched}):
        total, _, _, _, high, low = merchant_row(history, merchant, thresholds, importance)
        own = [t for t in history if (t.merchant, t.customer) == (merchant, customer)]
        mean = _mean_weight(own, importance)
        is_big = total > thresholds["upgrade_merchant_transactions"]
        if is_big and len(own) >= high and mean is not None and mean <= low:  # type: ignore[operator]
            evidence = {"merchant_transactions": float(total), "transactions": float(len(own)), "mean_weight": mean}
            compared = {
                "merchant_transactions": thresholds["upgrade_merchant_transactions"],
                "transactions": high,
                "mean_weight": low,
            }
            result.append(("PatId1", "UPGRADE", merchant, customer, evidence, compared))  # type: ignore[arg-type]
    return result


def _children(history: Sequence[Transaction], touched: Sequence[Transaction], thresholds: Thresholds) -> list[_Holding]:
    result: list[_Holding] = []
    for merchant, customer in sorted({(t.merchant, t.customer) for t in touched}):
        own = [t for t in history if (t.merchant, t.customer) == (merchant, customer)]
        mean = sum(round(Fraction(t.amount) * 100) for t in own) / (len(own) * 100)
        if len(own) >= thresholds["child_transactions"] and mean < thresholds["child_mean_amount"]:
            evidence = {"transactions": len(own), "mean_amount": mean}
            compared = {
                "transactions": thresholds["child_transactions"],
                "mean_amount": thresholds["child_mean_amount"],
            }
            result.append(("PatId2", "CHILD", merchant, customer, evidence, compared))
    return result


def _dei_needed(
    history: Sequence[Transaction], touched: Sequence[Transaction], thresholds: Thresholds
) -> list[_Holding]:
    result: list[_Holding] = []
    for merchant in sorted({t.merchant for t in touched}):
        _, _, female, male, _, _ = merchant_row(history, merchant, thresholds, None)
        if female > thresholds["dei_female_customers"] and female < male:
            evidence = {"female_customers": float(female), "female_below_male_customers": float(female)}
            compared = {
                "female_customers": thresholds["dei_female_customers"],
                "female_below_male_customers": float(male),
            }
            result.append(("PatId3", "DEI-NEEDED", merchant, "", evidence, compared))
    return result


def _mean_weight(own: Sequence[Transaction], importance: Sequence[ImportanceRow] | None) -> float | None:
    weights = [weight for t in own if (weight := _weight(t, importance)) is not None]
    return sum(weights) / (len(weights) * 10_000) if weights else None


def _weight(transaction: Transaction, importance: Sequence[ImportanceRow] | None) -> int | None:
    if importance is None:
        text = transaction.amount if transaction.weight is None else transaction.weight
        try:
            return round(Fraction(text) * 10_000)
        except ValueError:
            return None
    of_pair = [
        row for row in importance if (row.customer, row.merchant) == (transaction.customer, transaction.merchant)
    ]
    of_category = [row for row in of_pair if row.category == transaction.category]
    rows = of_category or of_pair
    return round(Fraction(sum(round(Fraction(row.weight) * 10_000) for row in rows), len(rows))) if rows else None
