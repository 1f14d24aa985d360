"""The detector from start to stop: load the state, stream from the committed line, commit batch by batch."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from logging import Logger

from spark_jobs.core.chunk_sums import ChunkSums
from spark_jobs.core.detect import Rules
from spark_jobs.core.importance import Importance
from spark_jobs.core.patterns import PATTERNS
from spark_jobs.core.thresholds import Thresholds
from spark_jobs.detector.chunk_source import read_landed_line
from spark_jobs.detector.heartbeat import Heartbeat, Progress
from spark_jobs.detector.placement import ClusterPlacement, DriverPlacement, Placement
from spark_jobs.detector.replay import Replay, begin, claim_output
from spark_jobs.detector.stream import Chunks, ChunkStream, open_session
from spark_jobs.storage.detection_files import DetectionFiles
from spark_jobs.storage.importance_file import read_importance
from spark_jobs.storage.landing import open_landing
from spark_jobs.storage.objects import Objects, open_object, open_objects
from spark_jobs.storage.state_tables import LoadedState, StateTables

_IMPORTANCE_ETAG = "importanceEtag"
_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_BETWEEN_IMPORTANCE_LOOKS = 60


@dataclass(frozen=True)
class Settings:
    """All that can be set.

    Attributes:
        lake: URL of the lake.
        replay_to: URL of the place where a replay keeps its state and what it finds; None where that is the lake.
        from_line: the line as of which a replay begins.
        importance: URL of the importance file, None where weights come with the transactions.
        landing_format: `csv` or `delta`.
        until_line: stop after the chunk that holds the line before; None for no such end.
        available_now: stop at the line that is landed at the start.
        max_chunks: at most so many a micro-batch.
        thresholds: of the patterns.
        every_chunk: report after each chunk that touches what holds, instead of once.
        placement: where the state is, one of `PLACEMENTS`.
    """

    lake: str
    replay_to: str | None
    from_line: int
    importance: str | None
    landing_format: str
    until_line: int | None
    available_now: bool
    max_chunks: int
    thresholds: Thresholds
    every_chunk: bool
    placement: str


def run(settings: Settings, stopping: threading.Event, now: Callable[[], datetime], log: Logger) -> None:
    """Detect until told to stop, or until the line asked for is committed.

    A batch in hand when `stopping` is set is either committed whole or left undone.

    Raises:
        PipelineError: what went wrong; the next start goes on from the committed line.
    """
    started_at = now()
    lake = open_objects(settings.lake)
    output = open_objects(settings.replay_to) if settings.replay_to else lake
    with ThreadPoolExecutor(1) as pool:
        session = pool.submit(open_session)
        tables = _open_tables(settings, lake, output)
        loaded = tables.load(with_pairs=settings.placement == "driver")
        importance, etag = _importance(settings, tables, loaded, log)
        spark = session.result()
    rules = Rules(PATTERNS, settings.thresholds, settings.every_chunk)
    placement: Placement = (
        ClusterPlacement(spark, output.url, tables, loaded.reported, rules, now)
        if settings.placement == "cluster"
        else DriverPlacement(loaded, rules, now)
    )
    until = read_landed_line(lake) if settings.available_now else settings.until_line
    batches = _Batches(output, tables, loaded, settings, placement, importance, etag, started_at, log, stopping)
    heartbeat = Heartbeat(output, batches.progress, lambda: read_landed_line(lake), now, log)
    log.info("detector started", extra={"fields": _start_fields(settings, loaded, etag)})
    batches.write_missing_files()
    heartbeat.start()
    chunks = Chunks(settings.lake, settings.landing_format, loaded.committed_line, until, settings.max_chunks)
    stream = ChunkStream(spark, chunks, batches.process)
    watch = _ImportanceWatch(settings, etag, log)
    try:
        while not stopping.is_set() and not (until is not None and batches.progress.committed_line >= until):
            batches.raise_failure()
            if stream.wait(_SECONDS_BETWEEN_LOOKS):
                break
            watch.look()
    finally:
        batches.stop()
        stream.stop()
        heartbeat.stop()
        log.info("detector stopped", extra={"fields": {"committed_line": batches.progress.committed_line}})


class _Batches:
    """Processes one micro-batch after another; what it has begun to commit, it commits whole.

    A batch is processed on a thread of its own, while Spark reads the chunks of the next one (docs/decisions/0003).
    """

    def __init__(
        self,
        output: Objects,
        tables: StateTables,
        loaded: LoadedState,
        settings: Settings,
        placement: Placement,
        importance: Importance | None,
        importance_etag: str,
        started_at: datetime,
        log: Logger,
        stopping: threading.Event,
    ) -> None:
        self._tables = tables
        self._importance = importance
        self._files = DetectionFiles(output, loaded.reported.next_seq, tables.detections_from)
        self._placement = placement
        self._metadata = {_IMPORTANCE_ETAG: importance_etag, "thresholds": str(dict(settings.thresholds))}
        self._log = log
        self._stopping = stopping
        self._committing = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batch")
        self._processed: Future[None] | None = None
        self._stopped = False
        self.progress = Progress(started_at, loaded.committed_line, loaded.committed_line, importance_etag)
        self.progress.detections.update(loaded.detections)

    def write_missing_files(self) -> None:
        """Write the files that a killed detector left out."""
        self._files.write_missing()
        self.progress.waiting = self._files.waiting

    def process(self, chunks: list[ChunkSums]) -> None:
        """Take up one micro-batch when the one before is committed; raises what went wrong with that."""
        if self._importance:
            # Here, while the one before is being committed.
            chunks = [self._importance.join(chunk) for chunk in chunks]
        if self._processed:
            self._processed.result()
        self._processed = self._thread.submit(self._process, chunks)

    def raise_failure(self) -> None:
        """Raise what went wrong with the last micro-batch, if anything did."""
        if self._processed and self._processed.done():
            self._processed.result()

    def _process(self, chunks: list[ChunkSums]) -> None:
        """Take one micro-batch from its sums, with their weights, to its commit and its files of 50."""
        began = time.monotonic()
        with self._committing:
            if self._stopped or self._stopping.is_set():
                return
            outcome = self._placement.advance(chunks)
            self._tables.commit(outcome, self._metadata)
            committed = time.monotonic()
            self.progress.committed_line = outcome.line
            self.progress.batches += 1
            self.progress.last_batch_seconds = round(committed - began, 4)
            self.progress.count(outcome.detections)
            files = self._files.add(outcome.detections)
            self.progress.waiting = self._files.waiting
            fields = {
                "committed_line": outcome.line,
                "chunks": len(chunks),
                "pairs_touched": outcome.pairs.num_rows,
                "detections": len(outcome.detections),
                "files": files,
                "seconds": self.progress.last_batch_seconds,
            } | self._placement.facts()
            self._log.info("batch committed", extra={"fields": fields})
            compacted = self._tables.compact_if_due(self._placement.state, outcome.line, self._metadata)
            if compacted:
                seconds = round(time.monotonic() - committed, 4)
                self._log.info("table compacted", extra={"fields": {"table": compacted, "seconds": seconds}})

    def stop(self) -> None:
        """Wait for the batch that is being committed, and let no further one begin."""
        with self._committing:
            self._stopped = True
        self._thread.shutdown()


class _ImportanceWatch:
    """Says once for each version when the importance file changes; the next start uses it."""

    def __init__(self, settings: Settings, etag: str, log: Logger) -> None:
        self._url = settings.importance
        self._etag = etag
        self._log = log
        self._looked = time.monotonic()

    def look(self) -> None:
        """Look once a minute."""
        if self._url is None or time.monotonic() - self._looked < _SECONDS_BETWEEN_IMPORTANCE_LOOKS:
            return
        self._looked = time.monotonic()
        folder, name = open_object(self._url)
        head = folder.head(name)
        etag = head.etag if head else "gone"
        if etag != self._etag:
            fields = {"importance": self._url, "etag": etag, "etag_in_use": self._etag}
            self._log.warning("importance file changed: used from the next start on", extra={"fields": fields})
            self._etag = etag


def _open_tables(settings: Settings, lake: Objects, output: Objects) -> StateTables:
    """Open the state; that of a replay begins with the lake's as of a line."""
    if settings.replay_to is None:
        return StateTables(lake)
    replay = Replay(settings.lake, settings.from_line)
    claim_output(replay, output)
    tables = StateTables(output)
    if not tables.begun:
        begin(replay, lake, open_landing(settings.landing_format, lake), read_landed_line(lake), tables)
    return tables


def _importance(
    settings: Settings, tables: StateTables, loaded: LoadedState, log: Logger
) -> tuple[Importance | None, str]:
    """Return the importance table and its ETag, and log where it is not the one that the state was made with."""
    importance, etag = read_importance(settings.importance) if settings.importance else (None, "")
    before = tables.last_metadata(_IMPORTANCE_ETAG)
    if before is not None and before != etag:
        fields = {"from_line": loaded.committed_line, "etag_before": before, "etag": etag}
        log.warning("importance file is another one from this line on", extra={"fields": fields})
    return importance, etag


def _start_fields(settings: Settings, loaded: LoadedState, etag: str) -> dict[str, object]:
    fields: Sequence[tuple[str, object]] = [
        ("lake", settings.lake),
        *((("replay_to", settings.replay_to), ("from_line", settings.from_line)) if settings.replay_to else ()),
        ("committed_line", loaded.committed_line),
        ("placement", settings.placement),
        ("pairs", len(loaded.pairs) if settings.placement == "driver" else None),
        ("detections", loaded.reported.next_seq),
        ("importance_etag", etag),
        ("thresholds", dict(settings.thresholds)),
    ]
    return dict(fields)
