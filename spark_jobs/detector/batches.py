"""Processing micro-batches: from their chunks to a commit and to detection files."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from logging import Logger
from typing import Generic

from spark_jobs.detector.backend import Batch, ChunkFacts, Committed, StateBackend
from spark_jobs.lake.detection_files import DetectionFiles
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.rules import PublishedRules, RecordedAdoption
from spark_jobs.patterns.schedule import Adoption

# The key of `Heartbeat.transactions_without_gender` in the metadata of a commit.
WITHOUT_GENDER = "transactionsWithoutGender"


def count_without_gender(before: int, chunks: Sequence[ChunkFacts]) -> int:
    """Return `Heartbeat.transactions_without_gender` after more chunks, in any order; `before` is its last value."""
    count = before
    for chunk in sorted(chunks, key=lambda chunk: chunk.end):
        count = 0 if chunk.has_known_gender else count + chunk.transactions
    return count


@dataclass(frozen=True)
class BatchContext:
    """What micro-batches are processed with.

    Attributes:
        files: the detection files.
        metadata: recorded with each commit.
        next_rules: returns a newer version of the rules, once.
        committed_line: the first line of the first micro-batch.
        recorded_line: lines below it keep their rules, see `LoadedState`.
    """

    files: DetectionFiles
    metadata: Mapping[str, str]
    next_rules: Callable[[], PublishedRules | None]
    committed_line: int
    recorded_line: int


class BatchProcessor(Generic[Batch]):
    """Processes one micro-batch after another; a commit that has started is always completed.

    Each is processed on a thread of its own, if the backend wants it while Spark reads the chunks of the next one
    (docs/decisions/0003).

    Attributes:
        progress: as of the last commit; replaced as a whole, so that other threads may read it.
    """

    def __init__(
        self,
        backend: StateBackend[Batch],
        context: BatchContext,
        progress: Heartbeat,
        stopping: threading.Event,
        log: Logger,
    ) -> None:
        self._backend = backend
        self._context = context
        self._planned_line = context.committed_line
        self._stopping = stopping
        self._log = log
        self._committing = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batch")
        self._processed: Future[None] | None = None
        self._stopped = False
        self.progress = progress

    def write_missing_files(self) -> None:
        """Write the detection files that a killed detector did not write."""
        self._context.files.write_missing()
        self.progress = replace(self.progress, waiting=self._context.files.waiting)

    def process(self, batch: Batch) -> None:
        """Start a micro-batch once the previous one is committed; raises the failure of the previous one."""
        rules, first_line = self._context.next_rules(), self._planned_line
        self._planned_line = max(chunk.end for chunk in self._backend.chunks(batch))
        if self._processed:
            self._processed.result()
        self._processed = self._thread.submit(self._process, batch, first_line, rules)
        if not self._backend.reads_ahead:
            self._processed.result()

    def raise_failure(self) -> None:
        """Raise the failure of the last micro-batch, if it failed."""
        if self._processed and self._processed.done():
            self._processed.result()

    def stop(self) -> None:
        """Wait for the commit in progress, and start no further one."""
        with self._committing:
            self._stopped = True
        self._thread.shutdown()

    def _process(self, batch: Batch, first_line: int, rules: PublishedRules | None) -> None:
        started = time.monotonic()
        with self._committing:
            if self._stopped or self._stopping.is_set():
                return
            if rules:
                self._adopt(rules, first_line)
            chunks = self._backend.chunks(batch)
            without_gender = count_without_gender(self.progress.transactions_without_gender, chunks)
            # With the commit, so that a restart knows it.
            metadata = {**self._context.metadata, WITHOUT_GENDER: str(without_gender)}
            committed = self._backend.commit(batch, metadata)
            seconds = round(time.monotonic() - started, 4)
            # Counted before their files are written, so that readers of a file find them in the heartbeat.
            self._record(committed, seconds, without_gender)
            files = self._context.files.add(committed.detections)
            self.progress = replace(self.progress, waiting=self._context.files.waiting)
            fields = {
                "committed_line": committed.line,
                "chunks": len(chunks),
                "detections": len(committed.detections),
                "files": files,
                "seconds": seconds,
            } | committed.facts
            self._log.info("batch committed", extra={"fields": fields})
            self._compact(committed.line, metadata)

    def _adopt(self, rules: PublishedRules, first_line: int) -> None:
        """Adopt rules at a micro-batch's first line, or after what a killed detector has recorded."""
        from_line = max(first_line, self._context.recorded_line)
        # Recorded before anything is detected by it, so that a restart uses the same rules for the same lines.
        recorded = RecordedAdoption(rules.version, from_line, rules.digest)
        self._backend.adopt(recorded, Adoption(rules.version, from_line, rules.rule_set))
        self.progress = replace(self.progress, rules_version=rules.version, rules_from_line=from_line)
        fields = {"rules_version": rules.version, "from_line": from_line, "author": rules.author}
        self._log.info("rules adopted", extra={"fields": fields | {"rules": rules.rule_set.conditions()}})

    def _record(self, committed: Committed, seconds: float, without_gender: int) -> None:
        detections = dict(self.progress.detections)
        for detection in committed.detections:
            detections[detection.pattern_id] = detections.get(detection.pattern_id, 0) + 1
        self.progress = replace(
            self.progress,
            committed_line=committed.line,
            batches=self.progress.batches + 1,
            last_batch_seconds=seconds,
            detections=detections,
            transactions_without_gender=without_gender,
        )

    def _compact(self, line: int, metadata: Mapping[str, str]) -> None:
        started = time.monotonic()
        table = self._backend.compact_if_due(line, metadata)
        if table:
            fields = {"table": table, "seconds": round(time.monotonic() - started, 4)}
            self._log.info("table compacted", extra={"fields": fields})
