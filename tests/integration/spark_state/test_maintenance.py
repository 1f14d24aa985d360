"""Maintenance of a state that Spark writes changes no total, and leaves one row per pair."""

from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import SparkSession

from spark_jobs.errors import StateError
from spark_jobs.lake import layout
from spark_jobs.lake.state_version import Writer
from spark_jobs.maintenance import cli
from spark_jobs.maintenance.compaction import compact_pairs
from spark_jobs.store.objects import Objects
from tests.integration.spark_state.conftest import LOG, OnSpark, rows_of, state_of
from tests.integration.spark_state.test_spark_backend import FIRST, LINES, MERCHANTS, chunk

pytestmark = [pytest.mark.processes, pytest.mark.slow]


def test_one_row_per_pair_is_left_beside_a_running_detector(
    spark: SparkSession, lake: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "spark_jobs.engine.session.open_session", lambda delta_at: spark if delta_at == lake.url else None
    )
    detector = OnSpark(spark, lake, FIRST)
    for number in range(3):
        detector.commit([chunk(number)])
        detector.backend._rewrite = False
    before = state_of(lake, Writer.SPARK)
    with pytest.raises(StateError, match="is written by spark"):
        compact_pairs(lake.place(layout.PAIRS))

    now = datetime.now(UTC)
    summary = cli.run(lake, "csv", now - timedelta(days=7), now - timedelta(days=90), LOG)
    pairs = {(row["merchant"], row["customer"]) for row in rows_of(lake, layout.PAIRS)}
    assert (summary.committed_line, summary.pair_rows_after) == (3 * LINES, len(pairs))
    assert summary.pair_rows_before > len(pairs) == len(rows_of(lake, layout.PAIRS))
    after = state_of(lake, Writer.SPARK)
    assert after[:4] == before[:4]
    # Its chunks are gone, and with them all but the newest row of each merchant.
    assert len(rows_of(lake, layout.MERCHANTS)) == len(MERCHANTS)

    detector.commit([chunk(3)])
    assert OnSpark(spark, lake, FIRST).loaded.committed_line == 4 * LINES
