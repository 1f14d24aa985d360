"""All detections in memory: filtering, paging, evidence, and the file of each or what it waits for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spark_jobs.lake.detection_files import ROWS_PER_FILE
from spark_jobs.lake.layout import detection_file_path
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA
from spark_jobs.patterns.grammar import Condition, ConditionError, Number, operand_text, parse_condition
from spark_jobs.patterns.measures import Subject

# Rows of one page of `matching_pages`.
_ROWS_PER_PAGE = 1000

_SIGNS: Mapping[str, str] = {">": ">", ">=": "≥", "<": "<", "<=": "≤"}
# The keys of evidence before version 1.1, with sign and unit.
_EARLIER: Mapping[str, tuple[str, str]] = {
    "merchant_transactions": (">", ""),
    "transactions": ("≥", ""),
    "mean_weight": ("≤", ""),
    "mean_amount": ("<", "₹"),
    "female_customers": (">", ""),
    "female_below_male_customers": ("<", ""),
}


@dataclass(frozen=True)
class Filter:
    """Conditions on detections, "" for any; merchant and customer match a part of the name, ignoring case."""

    pattern: str = ""
    merchant: str = ""
    customer: str = ""


class Detections:
    """All detections in the order of `seq`, or the latest of them if there are too many to read.

    Attributes:
        rows: a table of `DETECTIONS_SCHEMA`; row n has seq `first` + n.
        first: the seq of the first row, 0 unless there were too many.
        times: `detectionTime` in seconds since 1970, shape (n,).
        patterns: the ids of the built-in patterns, then those that only the table has.
        actions: the action of each of `patterns`, as of its last detection.
        codes: position of each row's pattern in `patterns`, shape (n,).
    """

    def __init__(self, rows: pa.Table | None = None) -> None:
        self.rows = rows if rows is not None else DETECTIONS_SCHEMA.empty_table()
        self.first: int = self.rows["seq"][0].as_py() if self.rows.num_rows else 0
        self.times: NDArray[np.int64] = (
            self.rows.column("detectionTime").cast(pa.int64()).to_numpy() // 1_000_000
        ).astype(np.int64)
        encoded = self.rows.column("patternId").combine_chunks().dictionary_encode()
        found = encoded.dictionary.to_pylist()
        names = [pattern.id for pattern in BUILT_IN.patterns]
        self.patterns: list[str] = [*names, *(name for name in found if name not in names)]
        positions = np.array([self.patterns.index(name) for name in found], dtype=np.int64)
        self.codes: NDArray[np.int64] = positions[encoded.indices.to_numpy(zero_copy_only=False)]
        self.actions: list[str] = self._actions()

    def __len__(self) -> int:
        """Return the number of detections of all time."""
        return self.first + int(self.rows.num_rows)

    def with_rows(self, rows: pa.Table) -> "Detections":
        """Return these detections and those of `rows`, in any order, that follow them; gaps end at the latest."""
        later = rows.select(DETECTIONS_SCHEMA.names).cast(DETECTIONS_SCHEMA).sort_by("seq")
        rows = pa.concat_tables([self.rows, later.filter(pc.greater_equal(later["seq"], len(self)))])
        gaps = np.flatnonzero(np.diff(rows["seq"].to_numpy()) != 1)
        return Detections(rows.slice(gaps[-1] + 1 if len(gaps) else 0))

    def counts(self) -> dict[str, int]:
        """Return the number of detections by pattern id."""
        counted = np.bincount(self.codes, minlength=len(self.patterns))
        return dict(zip(self.patterns, counted.tolist(), strict=True))

    def matching(self, conditions: Filter) -> pa.Table:
        """Return the rows that match, in the order of `seq`."""
        return _matching(self.rows, conditions)

    def matching_pages(self, conditions: Filter) -> Iterator[pa.Table]:
        """Yield the rows that match, in the order of `seq`; only one page of them is copied at a time."""
        for start in range(0, self.rows.num_rows, _ROWS_PER_PAGE):
            yield _matching(self.rows.slice(start, _ROWS_PER_PAGE), conditions)

    def latest(self, conditions: Filter, limit: int, before: int | None = None) -> dict[str, Any]:
        """Return one page of the matching detections, newest first; with `before`, only those with a smaller seq.

        `next` is the `before` of the next page, or None on the last one.
        """
        rows = self.matching(conditions)
        total = rows.num_rows
        if before is not None:
            rows = rows.slice(0, int(np.searchsorted(rows["seq"].to_numpy(), before)))
        more = rows.num_rows > limit
        page = rows.slice(max(0, rows.num_rows - limit)).to_pylist(maps_as_pydicts="strict")
        views = [self._view(row) for row in reversed(page)]
        return {"total": total, "rows": views, "next": views[-1]["seq"] if more else None}

    def file(self, number: int) -> str | None:
        """Return the path of a detection file under the lake, or None if it is not full yet."""
        last = number * ROWS_PER_FILE + ROWS_PER_FILE - 1
        if not self.first <= last < len(self):
            return None
        detected_at: datetime = self.rows["detectionTime"][last - self.first].as_py()
        return detection_file_path(int(detected_at.timestamp()), number)

    def _actions(self) -> list[str]:
        built_in = {pattern.id: pattern.action for pattern in BUILT_IN.patterns}
        last = np.full(len(self.patterns), -1)
        # Of several rows of a pattern, the last one wins.
        last[self.codes] = np.arange(self.rows.num_rows)
        return [
            self.rows["ActionType"][row].as_py() if row >= 0 else built_in[name]
            for name, row in zip(self.patterns, last.tolist(), strict=True)
        ]

    def _view(self, row: dict[str, Any]) -> dict[str, Any]:
        number = row["seq"] // ROWS_PER_FILE
        return {
            "seq": row["seq"],
            "line": row["line"],
            "detected_at": row["detectionTime"].timestamp(),
            "pattern": row["patternId"],
            "action": row["ActionType"],
            "merchant": row["MerchantId"],
            "customer": row["customerName"],
            "evidence": describe_evidence(row["customerName"], row["evidence"], row["thresholds"]),
            "file": self.file(number),
            "file_number": number,
            "waiting_for": max(0, (number + 1) * ROWS_PER_FILE - len(self)),
        }


def _matching(rows: pa.Table, conditions: Filter) -> pa.Table:
    if conditions.pattern:
        rows = rows.filter(pc.equal(rows["patternId"], conditions.pattern))
    for column, part in (("MerchantId", conditions.merchant), ("customerName", conditions.customer)):
        if part:
            rows = rows.filter(pc.match_substring(rows[column], part, ignore_case=True))
    return rows


def describe_evidence(
    customer: str, values: Mapping[str, float], thresholds: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return name, value, sign, threshold, its name ("" for a number) and unit of each condition of a detection."""
    subject = Subject.PAIR if customer else Subject.MERCHANT
    return [
        _describe(key, subject) | {"value": value, "threshold": thresholds.get(key)} for key, value in values.items()
    ]


def describe_condition(condition: Condition) -> dict[str, Any]:
    """Return name, sign, name of the threshold ("" for a number) and unit of a condition."""
    right = condition.right
    return {
        "name": _words(operand_text(condition.left, condition.subject)),
        "sign": _SIGNS[condition.operator],
        "threshold_name": "" if isinstance(right, Number) else _words(operand_text(right, condition.subject)),
        "unit": condition.unit,
    }


def _describe(key: str, subject: Subject) -> dict[str, Any]:
    condition = _condition(key, subject)
    if condition is None:
        sign, unit = _EARLIER.get(key, ("compared with", ""))
        return {"name": _words(key), "sign": sign, "threshold_name": "", "unit": unit}
    return describe_condition(condition)


@cache
def _condition(key: str, subject: Subject) -> Condition | None:
    """Return the condition that a key of evidence is; None for the keys of earlier releases."""
    try:
        return parse_condition(key, subject)
    except ConditionError:
        return None


def _words(name: str) -> str:
    return name.replace("_", " ").replace("merchant.", "merchant ")
