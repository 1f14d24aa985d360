"""Detections for tests."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from spark_jobs.patterns.detections import Detection

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def detection(
    seq: int,
    pattern: str = "PatId2",
    merchant: str = "M1",
    customer: str = "C1",
    evidence: Mapping[str, float] | None = None,
) -> Detection:
    values = {"transactions": 90.0, "mean_amount": 12.5} if evidence is None else evidence
    thresholds = {"transactions": 80.0, "mean_amount": 23.0}
    at = NOW + timedelta(seconds=seq)
    return Detection(seq, seq * 10, at, at, pattern, "CHILD", customer, merchant, values, thresholds)
