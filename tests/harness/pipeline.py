"""The jobs as real processes on a local S3, and access to their results."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from local import processes
from local.environment import spark_environment
from local.java import find_java
from local.s3 import S3Address
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows, restore_state
from spark_jobs.lake.detection_files import detection_file
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, parse_detection_rows
from tests.harness.warm import WarmProcess, warm_process

ROOT = Path(__file__).parents[2]
BUCKET = "transactions"
DETECTOR = "spark_jobs.detector.cli:main"
# Low enough that every pattern occurs in the small sample.
THRESHOLDS = (
    *("--threshold", "upgrade_merchant_transactions=5000"),
    *("--threshold", "child_transactions=8"),
    *("--threshold", "dei_female_customers=40"),
)


@dataclass(frozen=True)
class Pipeline:
    """One lake on a local S3, with its master file."""

    s3: S3Address
    name: str
    directory: Path

    @property
    def lake(self) -> str:
        return f"s3://{BUCKET}/{self.name}"

    @property
    def log(self) -> Path:
        return self.directory / "detector.log"

    def upload(self, name: str, path: Path) -> str:
        self.s3.client().upload_file(str(path), BUCKET, f"{self.name}-{name}")
        return f"s3://{BUCKET}/{self.name}-{name}"

    def start_chunker(self, source: str, *arguments: str, python: str = sys.executable) -> "subprocess.Popen[bytes]":
        command = [python, "-m", "spark_jobs.chunker.cli", "--source", source, "--lake", self.lake, *arguments]
        return processes.start(command, self.directory / "chunker.log", self.s3.environment)

    def start_detector(self, *arguments: str, python: str = sys.executable) -> "subprocess.Popen[bytes]":
        """Start a detector in its own process, with its own JVM."""
        scratch = self.directory / "scratch"
        scratch.mkdir(exist_ok=True)
        environment = {**detector_environment(self.s3), "PYSPARK_WORKER_PYTHON": python, "TMPDIR": str(scratch)}
        command = [python, "-m", "spark_jobs.detector.cli", "--lake", self.lake, *THRESHOLDS, *arguments]
        return processes.start(command, self.log, environment)

    def detect(self, spark: WarmProcess, *arguments: str) -> int:
        """Run a detector in a process with a warm Spark; return its exit code."""
        return spark.run(DETECTOR, ["--lake", self.lake, *THRESHOLDS, *arguments], log=self.log).code

    def output(self) -> str:
        """Return the output of all detectors on this lake."""
        return self.log.read_text() if self.log.exists() else ""

    def committed_line(self) -> int:
        """Return the last committed line in the detector's log."""
        committed = re.findall(r'"batch committed", "committed_line": (\d+)', self.output())
        return max(map(int, committed), default=0)

    def keys(self, prefix: str) -> list[str]:
        pages = (
            self.s3.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{self.name}/{prefix}")
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return bytes(self.s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def table(self, name: str) -> DeltaTable:
        options = {**self.s3.environment, "AWS_ALLOW_HTTP": "true"}
        return DeltaTable(f"{self.lake}/state/{name}", storage_options=options)

    def detections(self) -> pa.Table:
        return self.table("detections").to_pyarrow_table().select(DETECTIONS_SCHEMA.names).sort_by("seq")

    def found(self) -> list[dict[str, object]]:
        """Return all detections without their times."""
        rows = self.detections().cast(DETECTIONS_SCHEMA).drop_columns(["YStartTime", "detectionTime"])
        return list(rows.to_pylist(maps_as_pydicts="strict"))

    def state(self) -> set[tuple[object, ...]]:
        """Return the totals of all pairs."""
        rows = self.table("pairs").to_pyarrow_table().select(PAIRS_SCHEMA.names).cast(PAIRS_SCHEMA)
        return {tuple(row.values()) for row in all_pair_rows(restore_state(rows), 0).to_pylist()}

    def assert_files_are_the_table(self) -> None:
        """Assert that the detection files are exactly the full 50s of `state/detections`."""
        rows = parse_detection_rows(self.detections().cast(DETECTIONS_SCHEMA))
        full = [rows[at : at + 50] for at in range(0, len(rows) - len(rows) % 50, 50)]
        expected = {f"{self.name}/{path}": data for path, data in map(detection_file, full)}
        assert {key: self.read(key) for key in self.keys("detections/")} == expected


def detector_environment(s3: S3Address) -> dict[str, str]:
    """Return the environment of a detector's process."""
    java = find_java()
    assert java, "Java not found; run make setup"
    return {**s3.environment, **spark_environment(java), "PYTHONPATH": str(ROOT)}


@contextmanager
def warm_spark(s3: S3Address) -> Iterator[WarmProcess]:
    """Start a process that keeps its Spark session from one detector to the next."""
    with warm_process([DETECTOR.partition(":")[0]], detector_environment(s3)) as warm:
        yield warm


def wait_until(
    condition: Callable[[], bool],
    alive: Sequence["subprocess.Popen[bytes]"] = (),
    seconds: float = 240,
    between: float = 0.02,
) -> None:
    """Wait until a condition holds; fail after `seconds`, or if one of the `alive` processes has ended.

    Args:
        between: seconds between two polls; increase it for expensive conditions.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        ended = [process.args for process in alive if process.poll() is not None]
        assert not ended, f"ended too early: {ended}"
        assert time.monotonic() < deadline, f"the condition did not hold within {seconds} s"
        time.sleep(between)
