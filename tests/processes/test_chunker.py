import re
from pathlib import Path

import pytest

from local.s3 import LocalS3
from tests.processes.conftest import CHUNK, ROWS
from tests.processes.pipeline import Pipeline

pytestmark = pytest.mark.processes


def test_chunkers_side_by_side_lose_and_double_nothing_and_the_losers_say_so(
    s3: LocalS3, sample: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline(s3, "side-by-side", tmp_path)
    source = pipeline.upload("t.csv", sample / "transactions.csv")
    codes: set[int] = set()
    while 10 not in codes:
        runs = [pipeline.start_chunker(source, "--chunk-size", str(CHUNK), "--max-chunks", "20") for _ in range(3)]
        codes = {run.wait() for run in runs}
        assert codes <= {0, 10, 75}
    log = (tmp_path / "chunker.log").read_text()
    assert "another chunker run advanced it first" in log
    lines = [
        int(line)
        for key in pipeline.keys("landing_zone/")
        for line in re.findall(rb"^(\d+),", pipeline.read(key), re.MULTILINE)
    ]
    assert lines == list(range(ROWS))
