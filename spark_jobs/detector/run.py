"""The detector from start to stop: load the state, stream from the committed line, commit batch by batch."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from logging import Logger
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.detector.backend import DRIVER, SPARK, BackendStart, DriverBackend, StateBackend
from spark_jobs.detector.batches import WITHOUT_GENDER, BatchContext, BatchProcessor
from spark_jobs.detector.heartbeat_writer import HeartbeatWriter
from spark_jobs.detector.replay import Replay, begin_replay, claim_output, replayed_adoptions
from spark_jobs.detector.rules_watch import RulesWatch, read_schedule, warn_of_thresholds
from spark_jobs.detector.spark_backend import SparkBackend
from spark_jobs.detector.stream import Chunks, ChunkStream
from spark_jobs.engine.session import open_session
from spark_jobs.lake.detection_files import DetectionFiles
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.importance import LoadedImportance, read_importance
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.lease import Lease
from spark_jobs.lake.loaded_state import LoadedState
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.lake.recorded_settings import IMPORTANCE_ETAG, RecordedSettings, settings_metadata
from spark_jobs.lake.rules import read_rules_file
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import Writer
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.schedule import UNPUBLISHED, Rules
from spark_jobs.store.objects import Objects, open_object, open_objects

_SECONDS_BETWEEN_POLLS = 0.2
_SECONDS_BETWEEN_IMPORTANCE_POLLS = 60


@dataclass(frozen=True)
class DetectorSettings:
    """The settings of a detector.

    Attributes:
        lake: URL of the lake.
        replay_to: URL where a replay keeps its state and detections; None if this is not a replay.
        from_line: the line at which a replay begins.
        importance: URL of the importance file; None if weights come with the transactions.
        landing_format: `csv` or `delta`.
        until_line: stop after the chunk that contains the line before it; None for no end.
        available_now: stop at the line that is landed at the start.
        max_chunks: chunks per micro-batch, at most.
        thresholds: numbers that replace those of the built-in rules, by the names in `THRESHOLDS`.
        rules_file: local file of the rules of a replay; None for those that the lake has used.
        every_chunk: report after each chunk that touches the subject of a pattern that holds, instead of once.
        state_backend: where the state is, `driver` or `spark`.
    """

    lake: str
    replay_to: str | None
    from_line: int
    importance: str | None
    landing_format: str
    until_line: int | None
    available_now: bool
    max_chunks: int
    thresholds: Mapping[str, float]
    rules_file: str | None
    every_chunk: bool
    state_backend: str


def run(settings: DetectorSettings, stopping: threading.Event, now: Callable[[], datetime], log: Logger) -> None:
    """Detect until `stopping` is set, or until the requested line is committed.

    When `stopping` is set, a micro-batch in progress is either committed as a whole or not at all.

    Raises:
        PipelineError: the next start resumes from the committed line.
    """
    lake = open_objects(settings.lake)
    output = open_objects(settings.replay_to) if settings.replay_to else lake
    if settings.replay_to:
        # Before anything is written there.
        claim_output(Replay(lake.url, settings.from_line), output)
    on_spark = settings.state_backend == SPARK
    with ThreadPoolExecutor(1) as pool:
        session = pool.submit(open_session, output.url if on_spark else None)
        with Lease(output, log).holding() if on_spark else nullcontext() as lease:
            _Detection(settings, lake, output, now, log).run(session, lease, stopping)


class _Detection:
    """A detector of a lake, whose output is elsewhere in a replay."""

    def __init__(
        self, settings: DetectorSettings, lake: Objects, output: Objects, now: Callable[[], datetime], log: Logger
    ) -> None:
        self._settings = settings
        self._lake = lake
        self._output = output
        self._now = now
        self._log = log
        self._started_at = now()

    def run(self, session: "Future[SparkSession]", lease: Lease | None, stopping: threading.Event) -> None:
        """Detect until `stopping` is set, or until the requested line is committed."""
        settings, lake, log = self._settings, self._lake, self._log
        tables = _open_tables(settings, lake, self._output)
        loaded = tables.load(with_pairs=lease is None)
        importance = read_importance(settings.importance)
        _warn_if_importance_changed(importance, tables, loaded, log)
        rules = _read_rules(settings, lake, tables)
        watch = RulesWatch(lake, rules.newest.version, settings.thresholds, log) if lake is self._output else None
        if watch:
            watch.look()
        elif rules.adopted:
            warn_of_thresholds(settings.thresholds, rules.newest.version, log)
        spark = session.result()
        start = BackendStart(loaded.reported, rules, self._now, importance.weights)
        backend: StateBackend[Any] = (
            SparkBackend(spark, tables, lease, start) if lease else DriverBackend(tables, loaded.pairs, start)
        )
        context = BatchContext(
            DetectionFiles(self._output, loaded.reported.next_seq, tables.detections_from),
            settings_metadata(RecordedSettings(importance.etag, settings.thresholds)),
            watch.take if watch else lambda: None,
            loaded.committed_line,
            loaded.recorded_line,
        )
        progress = Heartbeat(
            self._started_at,
            updated_at=self._started_at,
            committed_line=loaded.committed_line,
            landed_line=loaded.committed_line,
            importance_etag=importance.etag,
            detections=dict(loaded.detections),
            transactions_without_gender=int(tables.last_metadata(WITHOUT_GENDER) or 0),
            rules_version=rules.newest.version,
            rules_from_line=rules.newest.from_line,
            thresholds=dict(settings.thresholds),
        )
        batches = BatchProcessor(backend, context, progress, stopping, log)
        log.info("detector started", extra={"fields": _start_fields(settings, loaded, importance.etag, rules)})
        batches.write_missing_files()
        until = read_landed_line(lake) if settings.available_now else settings.until_line
        chunks = Chunks(lake.url, settings.landing_format, loaded.committed_line, until, settings.max_chunks)
        heartbeat = HeartbeatWriter(
            self._output, lake, lambda: watch.noted_in(batches.progress) if watch else batches.progress, self._now, log
        )
        heartbeat.start()
        stream = ChunkStream(spark, chunks, backend.collect, batches.process)
        importance_watch = _ImportanceWatch(settings.importance, importance.etag, log)
        try:
            while not stopping.is_set() and not (until is not None and batches.progress.committed_line >= until):
                batches.raise_failure()
                if stream.wait(_SECONDS_BETWEEN_POLLS):
                    break
                importance_watch.poll()
                if watch:
                    watch.poll()
        finally:
            batches.stop()
            stream.stop()
            heartbeat.stop()
            log.info("detector stopped", extra={"fields": {"committed_line": batches.progress.committed_line}})


def _read_rules(settings: DetectorSettings, lake: Objects, tables: StateTables) -> Rules:
    """Return the rules by line: those of a file, or those that the lake's detector has adopted."""
    if settings.rules_file is not None:
        _, rule_set = read_rules_file(settings.rules_file)
        return Rules(rule_set, settings.every_chunk, UNPUBLISHED)
    recorded = replayed_adoptions(lake, settings.from_line) if settings.replay_to else tables.adoptions()
    adopted = read_schedule(lake, recorded)
    return Rules(built_in_rules(settings.thresholds), settings.every_chunk, adopted=adopted)


class _ImportanceWatch:
    """Logs each new version of the importance file once; the next start uses it."""

    def __init__(self, url: str | None, etag: str, log: Logger) -> None:
        self._url = url
        self._etag = etag
        self._log = log
        self._polled = time.monotonic()

    def poll(self) -> None:
        """Check the file once a minute."""
        if self._url is None or time.monotonic() - self._polled < _SECONDS_BETWEEN_IMPORTANCE_POLLS:
            return
        self._polled = time.monotonic()
        folder, name = open_object(self._url)
        head = folder.head(name)
        etag = head.etag if head else "missing"
        if etag != self._etag:
            fields = {"importance": self._url, "etag": etag, "etag_in_use": self._etag}
            self._log.warning("importance file changed, the next start will use it", extra={"fields": fields})
            self._etag = etag


def _open_tables(settings: DetectorSettings, lake: Objects, output: Objects) -> StateTables:
    """Open the state; a replay's own state begins with the lake's as of a line."""
    writer = Writer.SPARK if settings.state_backend == SPARK else Writer.DELTALAKE
    tables = StateTables(output, writer)
    if settings.replay_to and not tables.begun:
        replay = Replay(lake.url, settings.from_line)
        landing = open_landing(settings.landing_format, lake)
        begin_replay(replay, lake, landing, read_landed_line(lake), tables)
    return tables


def _warn_if_importance_changed(
    importance: LoadedImportance, tables: StateTables, loaded: LoadedState, log: Logger
) -> None:
    before = tables.last_metadata(IMPORTANCE_ETAG)
    if before is not None and before != importance.etag:
        fields = {"from_line": loaded.committed_line, "etag_before": before, "etag": importance.etag}
        log.warning("importance file differs from this line on", extra={"fields": fields})


def _start_fields(settings: DetectorSettings, loaded: LoadedState, etag: str, rules: Rules) -> dict[str, object]:
    return {
        "lake": settings.lake,
        **({"replay_to": settings.replay_to, "from_line": settings.from_line} if settings.replay_to else {}),
        "committed_line": loaded.committed_line,
        "state_backend": settings.state_backend,
        "pairs": len(loaded.pairs) if settings.state_backend == DRIVER else None,
        "detections": loaded.reported.next_seq,
        "importance_etag": etag,
        "rules_version": rules.newest.version,
        "rules": rules.newest.rule_set.conditions(),
    }
