"""All kinds of lines in one file, through both jobs as real processes."""

from pathlib import Path

import pytest

from local.s3 import LocalS3
from tests.harness.pipeline import Pipeline
from tests.harness.warm import WarmProcess
from tests.unit.bad_input.lines import COLUMNS, kinds_in_one_file
from tests.unit.bad_input.outcomes import Lands

pytestmark = [pytest.mark.processes, pytest.mark.slow]


def test_bad_lines_stop_neither_chunker_nor_detector(s3: LocalS3, tmp_path: Path, spark: WarmProcess) -> None:
    pipeline = Pipeline(s3, "bad-input", tmp_path)
    kinds, lines = kinds_in_one_file("")
    # Good lines at the end show whether the detector continues after the bad ones.
    good = [b"G%d,F,GM,food,1,1" % number for number in range(len(kinds))]
    (tmp_path / "t.csv").write_bytes(b"\n".join([COLUMNS, *lines, *good, b""]))
    source = pipeline.upload("t.csv", tmp_path / "t.csv")
    chunker = pipeline.start_chunker(source, "--chunk-size", "50", "--max-chunks", "20")
    assert chunker.wait(60) == 0
    arguments = ("--available-now", "--threshold", "child_transactions=1,child_mean_amount=1e12")
    assert pipeline.detect(spark, *arguments) == 0, pipeline.output()[-5000:]
    children = {(row["customerName"], row["MerchantId"]) for row in pipeline.found() if row["patternId"] == "PatId2"}
    landed = {(line.becomes.customer, line.becomes.merchant) for line in kinds if isinstance(line.becomes, Lands)}
    assert children == landed | {(f"G{number}", "GM") for number in range(len(kinds))}
    pipeline.assert_files_are_the_table()
