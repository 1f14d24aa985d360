"""A lake on the local S3 as the two jobs leave it, made by calling their code directly, without Spark."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from local.s3 import LocalS3
from spark_jobs.chunker.land import ChunkerJob, land_next_chunk
from spark_jobs.detector.heartbeat_writer import HeartbeatWriter
from spark_jobs.detector.rules_watch import read_schedule
from spark_jobs.kernel.chunk_sums import CHUNK_COLUMNS, sum_chunk
from spark_jobs.lake import layout
from spark_jobs.lake.detection_files import DetectionFiles
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.heartbeat_history import History, format_history
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.lake.rules import PublishedRules, RecordedAdoption, publish_rules
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.detect import Detector
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.objects import Objects, open_object, open_objects

BUCKET = "transactions"
HEADER = b"step,customer,age,gender,zipcodeOri,merchant,zipMerchant,category,amount,fraud\n"
# Scaled down to small samples, so that every pattern occurs.
THRESHOLDS = {
    "upgrade_merchant_transactions": 5000,
    "child_transactions": 8,
    "dei_female_customers": 40,
}
# Every pair is a child from its first transaction on.
CHILDREN = {"child_transactions": 1}
SCRIPT_MERCHANT = "<script>alert(1)</script>"
# Objects of lakes that `detected` has made, by chunk size, format and lines: making them takes seconds.
_DETECTED: dict[tuple[int, str, int], dict[str, bytes]] = {}


def utc_now() -> datetime:
    return datetime.now(UTC)


def line(customer: str = "C1", merchant: str = "M1", gender: str = "F", amount: str = "4.55") -> bytes:
    return f"0,{customer},4,{gender},28007,{merchant},28007,es_food,{amount},0\n".encode()


@dataclass
class PageLake:
    """A master file and its lake; needs the `AWS_*` variables of its S3."""

    s3: LocalS3
    name: str
    chunk_size: int = 10
    landing_format: str = "csv"
    thresholds: Mapping[str, float] = field(default_factory=lambda: THRESHOLDS)

    @property
    def source(self) -> str:
        return f"s3://{BUCKET}/{self.name}.csv"

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/{self.name}"

    @cached_property
    def objects(self) -> Objects:
        return open_objects(self.url)

    @property
    def settings(self) -> dict[str, object]:
        """The settings of the DAGs for this lake."""
        return {"source": self.source, "lake": self.url, "chunk_size": self.chunk_size}

    def upload(self, lines: bytes) -> None:
        """Write the master file: the header and `lines`."""
        folder, name = open_object(self.source)
        folder.write(name, HEADER + lines)

    def land(self, chunks: int = 1_000_000) -> None:
        """Run the chunker."""
        source, name = open_object(self.source)
        landing = open_landing(self.landing_format, self.objects)
        job = ChunkerJob(MasterFile(source, name), self.objects, landing, self.chunk_size, utc_now)
        for _ in range(chunks):
            if land_next_chunk(job) is None:
                return

    def detect(self, now: Callable[[], datetime] = utc_now, until: int | None = None) -> None:
        """Run the detector up to a landed line, one micro-batch per chunk."""
        tables = StateTables(self.objects)
        loaded = tables.load()
        adopted = read_schedule(self.objects, tables.adoptions())
        rules = Rules(built_in_rules(self.thresholds), every_chunk=False, adopted=adopted)
        detector = Detector(loaded.pairs, loaded.reported, rules, now)
        files = DetectionFiles(self.objects, loaded.reported.next_seq, tables.detections_from)
        landing = open_landing(self.landing_format, self.objects)
        landed = read_landed_line(self.objects) if until is None else until
        firsts = [first for first in landing.first_lines(loaded.committed_line, 1_000_000) if first < landed]
        for first, end in zip(firsts, [*firsts[1:], landed], strict=True):
            outcome = detector.advance([sum_chunk(landing.read(first, end, CHUNK_COLUMNS), end)])
            tables.commit(outcome, {})
            tables.compact_if_due(detector.state, outcome.line, {})
            files.add(outcome.detections)

    def read_all(self) -> dict[str, bytes]:
        """Return all objects of the lake by key."""
        found = {key: self.objects.find(key) for key in self.objects.list_after("", "")}
        return {key: stored.data for key, stored in found.items() if stored}

    def write_all(self, objects: Mapping[str, bytes]) -> None:
        """Write objects of another lake."""
        for key, content in objects.items():
            self.objects.write(key, content)

    def publish(self, text: str, comment: str = "") -> PublishedRules:
        """Publish the next version of the rules."""
        return publish_rules(self.objects, text.encode(), "ann", comment, utc_now())

    def adopt(self, published: PublishedRules, from_line: int) -> None:
        """Record that the detector has adopted a version."""
        StateTables(self.objects).adopt(RecordedAdoption(published.version, from_line, published.digest))

    def beat(self, now: datetime | None = None, started: timedelta = timedelta(minutes=90)) -> None:
        """Write the heartbeat of a detector that has committed the present state."""
        at = now or utc_now()
        tables = StateTables(self.objects)
        committed = tables.load().committed_line
        progress = Heartbeat(at - started, at, committed, committed, thresholds=self.thresholds)
        for adoption in tables.adoptions():
            progress = replace(progress, rules_version=adoption.version, rules_from_line=adoption.from_line)
        writer = HeartbeatWriter(
            self.objects, self.objects, lambda: progress, lambda: at, logging.getLogger("detector")
        )
        writer.start()
        writer.stop()

    def write_history(self, seen: list[tuple[datetime, int, int]]) -> None:
        """Write the history of a detector that observed these landed and committed lines."""
        history = History()
        for at, landed, committed in seen:
            history.observe(at, landed, committed)
        self.objects.write(layout.HISTORY, format_history(history.samples))


def airflow_settings(lake: PageLake) -> dict[str, str]:
    """Return the environment variables for an Airflow on this lake."""
    return {**lake.s3.environment, "AIRFLOW_VAR_TRANSACTION_PATTERNS": json.dumps(lake.settings)}


def read(state: dict[str, object]) -> bool:
    """Return whether everything has been read once."""
    return bool(state["lake"] and state["found"] and state["dags"])


def lines_of(count: int) -> bytes:
    """Return lines of one customer each, every tenth at a second merchant."""
    return b"".join(line(f"C{n}", SCRIPT_MERCHANT if n % 10 == 0 else "M1", "FM"[n % 2]) for n in range(count))


def detected(lake: PageLake, lines: int = 120) -> None:
    """Land and detect lines; every pair is detected as CHILD at once."""
    lake.thresholds = CHILDREN
    lake.upload(lines_of(lines))
    shape = (lake.chunk_size, lake.landing_format, lines)
    is_new = not lake.read_all()
    if is_new and shape in _DETECTED:
        lake.write_all(_DETECTED[shape])
    else:
        lake.land()
        lake.detect()
        if is_new:
            _DETECTED[shape] = lake.read_all()
    lake.beat()
