"""Reference implementation of the patterns: recomputes everything from all transactions after each chunk."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from spark_jobs.patterns.grammar import Measured, Number, Operand, Percentile
from spark_jobs.patterns.measures import Subject
from spark_jobs.patterns.rules import Pattern, Status
from spark_jobs.patterns.schedule import Rules


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


Found = tuple[int, str, str, str, str, dict[str, float], dict[str, float], int]
_Values = dict[str, float | None]


def detections(
    lines: Sequence[Transaction | None],
    chunk_ends: Sequence[int],
    rules: Rules,
    importance: Sequence[ImportanceRow] | None,
    status: Status = Status.ACTIVE,
) -> list[Found]:
    """Return what patterns of a status find, in order of seq: line, pattern, action, merchant, customer and so on.

    The rules in force for a chunk are those of the last version adopted at a line below its end. None is a quarantined
    line.
    """
    reported: set[tuple[str, str, str]] = set()
    result: list[Found] = []
    start = 0
    for end in chunk_ends:
        history = [transaction for transaction in lines[:end] if transaction]
        touched = [transaction for transaction in lines[start:end] if transaction]
        merchants = {name: _Merchant(history, name, importance) for name in {t.merchant for t in touched}}
        version, rule_set = max(
            [(0, rules.rule_set), *((a.version, a.rule_set) for a in rules.adopted if a.from_line < end)],
            key=lambda adopted: adopted[0],
        )
        for pattern in rule_set.patterns:
            if pattern.status is not status:
                continue
            of_merchant = pattern.subject is Subject.MERCHANT
            for merchant, customer in sorted({(t.merchant, "" if of_merchant else t.customer) for t in touched}):
                value = merchants[merchant].value
                compared = [(c, value(c.left, customer), value(c.right, customer)) for c in pattern.conditions]
                if not all(_holds(left, c.operator, right) for c, left, right in compared):
                    continue
                if rules.every_chunk or (pattern.id, merchant, customer) not in reported:
                    reported.add((pattern.id, merchant, customer))
                    evidence = {c.text: left for c, left, _ in compared}
                    thresholds = {c.text: right for c, _, right in compared}
                    result.append((end, pattern.id, pattern.action, merchant, customer, evidence, thresholds, version))  # type: ignore[arg-type]
        start = end
    return result


def holds(
    history: Sequence[Transaction],
    pattern: Pattern,
    merchant: str,
    customer: str,
    importance: Sequence[ImportanceRow] | None,
) -> bool:
    """Return whether a pattern holds of a merchant, whose customer is "", or of a pair."""
    if not any(t.merchant == merchant and customer in ("", t.customer) for t in history):
        return False
    value = _Merchant(history, merchant, importance).value
    return all(_holds(value(c.left, customer), c.operator, value(c.right, customer)) for c in pattern.conditions)


def merchant_row(
    history: Sequence[Transaction], merchant: str, importance: Sequence[ImportanceRow] | None
) -> tuple[float | None, ...]:
    """Return transactions, customers, female and male customers, and both recorded percentiles of a merchant."""
    found = _Merchant(history, merchant, importance)
    totals = (found.values[name] for name in ("transactions", "customers", "female_customers", "male_customers"))
    return (*totals, found.percentile("transactions", 90), found.percentile("mean_weight", 10))


class _Merchant:
    """The measures of a merchant, and of all its pairs."""

    def __init__(
        self, history: Sequence[Transaction], merchant: str, importance: Sequence[ImportanceRow] | None
    ) -> None:
        own = [transaction for transaction in history if transaction.merchant == merchant]
        genders = {transaction.customer: transaction.gender for transaction in reversed(own)}
        self.values: _Values = {
            "transactions": len(own),
            "customers": len(genders),
            "female_customers": sum(gender == "F" for gender in genders.values()),
            "male_customers": sum(gender == "M" for gender in genders.values()),
            "total_amount": _paise(own) / 100,
            "mean_amount": _paise(own) / (len(own) * 100),
        }
        self._pairs = {
            name: _pair_values([t for t in own if t.customer == name], len(own), importance) for name in genders
        }

    def value(self, operand: Operand, customer: str) -> float | None:
        match operand:
            case Number(value):
                return value
            case Percentile(name, q):
                return self.percentile(name, q)
            case Measured(subject, name):
                return (self._pairs[customer] if subject is Subject.PAIR else self.values)[name]

    def percentile(self, name: str, q: float) -> float | None:
        known = [value for pair in self._pairs.values() if (value := pair[name]) is not None]
        return float(np.percentile(known, q)) if known else None


def _pair_values(own: Sequence[Transaction], of_merchant: int, importance: Sequence[ImportanceRow] | None) -> _Values:
    return {
        "transactions": len(own),
        "total_amount": _paise(own) / 100,
        "mean_amount": _paise(own) / (len(own) * 100),
        "mean_weight": _mean_weight(own, importance),
        "share": len(own) / of_merchant,
    }


def _holds(left: float | None, operator: str, right: float | None) -> bool:
    if left is None or right is None:
        return False
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[operator]


def _paise(own: Sequence[Transaction]) -> int:
    return sum(round(Fraction(t.amount) * 100) for t in own)


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
