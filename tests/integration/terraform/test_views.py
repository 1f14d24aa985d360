"""The views of Unity Catalog over tables of the state, run by Spark."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from pyspark.sql import SparkSession

from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from tests.integration.spark_state.conftest import submit_arguments
from tests.integration.terraform.terraform import TERRAFORM

pytestmark = [pytest.mark.processes, pytest.mark.slow]

_VIEWS = TERRAFORM / "modules" / "unity_catalog" / "views"


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    warehouse = str(tmp_path_factory.mktemp("warehouse"))
    builder = SparkSession.Builder().config("spark.ui.enabled", "false")
    with pytest.MonkeyPatch.context() as patch:
        # Later tests of this process use the same JVM, and some of them need Delta.
        patch.setenv("PYSPARK_SUBMIT_ARGS", submit_arguments())
        session = builder.config("spark.sql.warehouse.dir", warehouse).getOrCreate()
    yield session
    session.stop()


def view(spark: SparkSession, name: str, rows: pa.Table, directory: Path) -> list[dict[str, object]]:
    """Return the rows of a view over a table with `rows`."""
    pa.parquet.write_table(rows, directory / f"{name}.parquet")
    spark.read.parquet(str(directory / f"{name}.parquet")).createOrReplaceTempView(f"state_{name}")
    text = (_VIEWS / f"{name}.sql").read_text().replace("${table}", f"state_{name}")
    return [row.asDict() for row in spark.sql(text).collect()]


def test_pairs_has_the_newest_totals_of_each_pair(spark: SparkSession, tmp_path: Path) -> None:
    old = ["M1", "C1", "F", 1, 1050, 0, 0, 100, "", ""]
    new = ["M1", "C1", "F", 3, 3050, 45_000, 3, 200, "PatId2", ""]
    other = ["M1", "C2", "M", 2, 99, 0, 0, 100, "", ""]
    columns = list(map(list, zip(old, new, other, strict=True)))
    rows = view(spark, "pairs", pa.table(columns, schema=PAIRS_SCHEMA), tmp_path)
    found = {row["customer"]: row for row in rows}
    assert len(rows) == 2
    assert (found["C1"]["transactions"], found["C1"]["amount"], found["C1"]["line"]) == (3, 30.5, 200)
    assert (found["C1"]["mean_weight"], found["C2"]["mean_weight"]) == (1.5, None)


def test_merchants_has_the_newest_row_of_each_merchant(spark: SparkSession, tmp_path: Path) -> None:
    columns = [["M1", "M1"], [10, 20], [3, 4], [2, 5], [9.0, 8.0], [None, 1.0], [100, 200], [5, 9]]
    [row] = view(spark, "merchants", pa.table(columns, schema=MERCHANTS_SCHEMA), tmp_path)
    assert (row["transactions"], row["customers"], row["line"]) == (20, 9, 200)


def test_detections_has_all_columns(spark: SparkSession, tmp_path: Path) -> None:
    assert view(spark, "detections", DETECTIONS_SCHEMA.empty_table(), tmp_path) == []
