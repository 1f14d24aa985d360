"""A job with settings for short runs, executed in a fork of a warm process.

In the detector only Spark is replaced: `LoopStream` reads micro-batches from the same streaming source.
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spark_jobs.chunker import cli as chunker_cli
from spark_jobs.detector import cli as detector_cli
from spark_jobs.detector import heartbeat_writer as heartbeat
from spark_jobs.detector import run as detector_run
from spark_jobs.detector.chunk_source import ChunkPartition, ChunkStreamReader
from spark_jobs.detector.stream import Chunks
from spark_jobs.kernel.chunk_sums import ChunkSums
from spark_jobs.lake import state_tables
from spark_jobs.maintenance import cli as maintenance_cli
from spark_jobs.store import failures as retries

_JOBS = {"chunker": chunker_cli.main, "detector": detector_cli.main, "maintain_state": maintenance_cli.main}
_IDLE_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class JobRequest:
    """A job to run.

    Attributes:
        job: `chunker`, `detector` or `maintain_state`.
        arguments: its command line.
        appends_between_compactions: low values make a short run of the detector compact.
        beats: write the heartbeat every second; if False, only at the start and the end, so that all runs have the
            same operations.
        request_seconds: request timeout of the clients; they retry for four times as long.
        spark: whether the detector runs under Spark.
    """

    job: str
    arguments: list[str]
    appends_between_compactions: int = 50
    beats: bool = True
    request_seconds: int = 30
    spark: bool = False

    def to_line(self) -> str:
        """Serialize the request as JSON."""
        return json.dumps(asdict(self))


class LoopStream:
    """Replacement for `ChunkStream` that drives the streaming source's reader as Spark does, on a thread."""

    def __init__(
        self, _session: None, chunks: Chunks, _collect: Any, process: Callable[[Sequence[ChunkSums]], None]
    ) -> None:
        options = {
            "lake": chunks.lake,
            "landing_format": chunks.landing_format,
            "start_line": str(chunks.start_line),
            "until_line": str(-1 if chunks.until_line is None else chunks.until_line),
            "max_chunks": str(chunks.max_chunks),
            "partitions": "2",
        }
        self._reader = ChunkStreamReader(options)
        self._process = process
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stream")
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """See `ChunkStream`."""
        self._thread.join(seconds)
        if self._failure:
            raise self._failure
        return not self._thread.is_alive()

    def stop(self) -> None:
        """See `ChunkStream`."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            at = self._reader.initialOffset()
            # Like Spark, run until stopped: chunks handed over may not be committed yet.
            while not self._stopping.is_set():
                end = self._reader.latestOffset(at)
                if end == at:
                    self._stopping.wait(_IDLE_POLL_SECONDS)
                    continue
                self._process(self._sums(at, end))
                at = end
        except BaseException as error:  # noqa: BLE001 - raised by `wait`
            self._failure = error

    def _sums(self, start: dict[str, int], end: dict[str, int]) -> list[ChunkSums]:
        found = []
        for partition in self._reader.partitions(start, end):
            assert isinstance(partition, ChunkPartition)
            for batch in self._reader.read(partition):
                found += [ChunkSums.unpack(row["chunk_end"], row["sums"]) for row in batch.to_pylist()]
        return found


def main(arguments: list[str]) -> int:
    """Run the job of a request in JSON; return its exit code."""
    request = JobRequest(**json.loads(arguments[0]))
    if not request.spark:
        setattr(detector_run, "open_session", lambda _: None)  # noqa: B010 - other types, on purpose
        setattr(detector_run, "ChunkStream", LoopStream)  # noqa: B010
    setattr(state_tables, "_APPENDS_BETWEEN_COMPACTIONS", request.appends_between_compactions)  # noqa: B010
    setattr(retries, "REQUEST_SECONDS", request.request_seconds)  # noqa: B010
    setattr(retries, "RETRY_SECONDS", request.request_seconds * 4)  # noqa: B010
    if not request.beats:
        setattr(heartbeat, "_SECONDS_BETWEEN_BEATS", 3600.0)  # noqa: B010
    return _JOBS[request.job](request.arguments)
