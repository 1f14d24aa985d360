"""What shadow patterns would have reported: counts, and the latest as examples."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pattern_page.detection_table import describe_evidence

# Findings of each pattern that are kept as examples.
_EXAMPLES = 10


@dataclass(frozen=True)
class ShadowFindings:
    """The findings of shadow patterns.

    Attributes:
        counts: by pattern id.
        actions: by pattern id, as of its last finding.
        line: the greatest line of a finding, -1 without any.
        capped: older findings were not counted, because too much would have to be read.
    """

    counts: Counter[str] = field(default_factory=Counter)
    actions: dict[str, str] = field(default_factory=dict)
    line: int = -1
    capped: bool = False
    _latest: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def with_rows(self, batches: Iterable[pa.Table], *, capped: bool) -> "ShadowFindings":
        """Return these findings and later ones: rows of `SHADOW_SCHEMA`, in any order."""
        counts, line = self.counts.copy(), self.line
        latest = {name: list(rows) for name, rows in self._latest.items()}
        for batch in batches:
            line = max(line, pc.max(batch["line"]).as_py() or -1)
            for entry in batch["patternId"].value_counts().to_pylist():
                name = entry["values"]
                counts[name] += entry["counts"]
                rows = batch.filter(pc.equal(batch["patternId"], name)).sort_by([("line", "descending")])
                candidates = latest.get(name, []) + rows.slice(0, _EXAMPLES).to_pylist(maps_as_pydicts="strict")
                latest[name] = sorted(candidates, key=lambda row: -row["line"])[:_EXAMPLES]
        actions = {name: rows[0]["ActionType"] for name, rows in latest.items()}
        return ShadowFindings(counts, actions, line, capped, latest)

    def summary(self) -> list[dict[str, Any]]:
        """Return id, action and count of each pattern."""
        return [{"id": name, "action": self.actions[name], "count": self.counts[name]} for name in sorted(self.counts)]

    def examples(self) -> list[dict[str, Any]]:
        """Return the latest findings of each pattern, newest first."""
        rows = [row for name in sorted(self._latest) for row in self._latest[name]]
        return [
            {
                "line": row["line"],
                "detected_at": row["detectionTime"].timestamp(),
                "pattern": row["patternId"],
                "action": row["ActionType"],
                "merchant": row["MerchantId"],
                "customer": row["customerName"],
                "version": row["rules_version"] or 0,
                "evidence": describe_evidence(row["customerName"], row["evidence"], row["thresholds"]),
            }
            for row in sorted(rows, key=lambda row: (-row["line"], row["patternId"]))
        ]
