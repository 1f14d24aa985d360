"""Detections, looked through: the latest of a filter, their evidence, and their file or what it waits for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detection_page.evidence import evidence_view
from spark_jobs.lake.detection_files import ROWS_PER_FILE
from spark_jobs.lake.layout import detection_file_path
from spark_jobs.patterns import PATTERNS
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA


@dataclass(frozen=True)
class Filter:
    """What is looked for; "" for all. Merchant and customer: a part of the name, in whatever case."""

    pattern: str = ""
    merchant: str = ""
    customer: str = ""


class Detections:
    """All detections in order of `seq`, and what all that look at them have in common.

    Attributes:
        rows: of `DETECTIONS_SCHEMA`; row n has seq n.
        times: `detectionTime`, seconds since 1970, shape (n,).
        codes: position in `patterns` of each, shape (n,).
    """

    def __init__(self, rows: pa.Table | None = None) -> None:
        self.rows = rows if rows is not None else DETECTIONS_SCHEMA.empty_table()
        self.times: NDArray[np.int64] = (
            self.rows.column("detectionTime").cast(pa.int64()).to_numpy() // 1_000_000
        ).astype(np.int64)
        encoded = self.rows.column("patternId").combine_chunks().dictionary_encode()
        # Those of the system first, in their order, then whatever else the table has.
        found = encoded.dictionary.to_pylist()
        names = [pattern.id for pattern in PATTERNS]
        self.patterns: list[str] = [*names, *(name for name in found if name not in names)]
        positions = np.array([self.patterns.index(name) for name in found], dtype=np.int64)
        self.codes: NDArray[np.int64] = positions[encoded.indices.to_numpy(zero_copy_only=False)]

    def __len__(self) -> int:
        """Return how many there are."""
        return int(self.rows.num_rows)

    def with_rows(self, rows: pa.Table) -> "Detections":
        """Return these and those of `rows` that follow them, in whatever order they come."""
        later = rows.select(DETECTIONS_SCHEMA.names).cast(DETECTIONS_SCHEMA).sort_by("seq")
        return Detections(pa.concat_tables([self.rows, later.filter(pc.greater_equal(later["seq"], len(self)))]))

    def counts(self) -> dict[str, int]:
        """Return how many there are of each pattern."""
        counted = np.bincount(self.codes, minlength=len(self.patterns))
        return dict(zip(self.patterns, counted.tolist(), strict=True))

    def matching(self, wanted: Filter) -> pa.Table:
        """Return the rows that a filter lets through, in order of `seq`."""
        rows = self.rows
        if wanted.pattern:
            rows = rows.filter(pc.equal(rows["patternId"], wanted.pattern))
        for column, part in (("MerchantId", wanted.merchant), ("customerName", wanted.customer)):
            if part:
                rows = rows.filter(pc.match_substring(rows[column], part, ignore_case=True))
        return rows

    def latest(self, wanted: Filter, limit: int, before: int | None = None) -> dict[str, Any]:
        """Return the latest of a filter, newest first; `before` goes on below a seq.

        `next` is the `before` of the next page, None where there is none.
        """
        rows = self.matching(wanted)
        total = rows.num_rows
        if before is not None:
            rows = rows.slice(0, int(np.searchsorted(rows["seq"].to_numpy(), before)))
        more = rows.num_rows > limit
        page = rows.slice(max(0, rows.num_rows - limit)).to_pylist(maps_as_pydicts="strict")
        views = [self._view(row) for row in reversed(page)]
        return {"total": total, "rows": views, "next": views[-1]["seq"] if more else None}

    def file(self, number: int) -> str | None:
        """Return the path of a file of 50 under the lake, None where it is not full yet."""
        last = number * ROWS_PER_FILE + ROWS_PER_FILE - 1
        if not 0 <= last < len(self):
            return None
        detected_at: datetime = self.rows["detectionTime"][last].as_py()
        return detection_file_path(int(detected_at.timestamp()), number)

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
            "evidence": evidence_view(row["patternId"], row["evidence"], row["thresholds"]),
            "file": self.file(number),
            "file_number": number,
            "waiting_for": max(0, (number + 1) * ROWS_PER_FILE - len(self)),
        }


def actions(patterns: Sequence[str]) -> list[dict[str, str]]:
    """Return id and action of each pattern, for people to choose from."""
    known = {pattern.id: pattern.action for pattern in PATTERNS}
    return [{"id": name, "action": known.get(name, "")} for name in patterns]
