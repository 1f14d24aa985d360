"""`python -m tests.torture.job_process`: runs the jobs, each in a process of its own that may be killed at any moment.

Everything is imported once, and each job is a fork of that: it starts in milliseconds. One request a line on stdin
(`JobRequest` as JSON); two lines on stdout for each: the process id, and in the end the exit code.

The detector's jobs are its own code but for Spark: `LoopStream` asks the same streaming source for its micro-batches.
"""

import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

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
_SECONDS_BETWEEN_IDLE_LOOKS = 0.01


@dataclass(frozen=True)
class JobRequest:
    """A job to run.

    Attributes:
        job: `chunker`, `detector` or `maintain_state`, or `module:function` of another one.
        arguments: its command line.
        environment: on top of this process's.
        log: takes its output.
        appends_between_compactions: few, so that a short run of the detector compacts.
        beats: whether the heartbeat beats every second; else at the start and at the end only, so that the operations
            of two runs are the same.
        request_seconds: how long a client waits for an answer; a fourth of the time for which it tries again.
        spark: whether the detector runs under Spark, as it does in earnest.
    """

    job: str
    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    log: str = os.devnull
    appends_between_compactions: int = 50
    beats: bool = True
    request_seconds: int = 30
    spark: bool = False

    def to_line(self) -> str:
        """Return it as it is sent."""
        return json.dumps(asdict(self))


class LoopStream:
    """In place of `ChunkStream`: the streaming source's own reader, asked as Spark asks it, on a thread."""

    def __init__(self, _session: None, chunks: Chunks, process: Callable[[list[ChunkSums]], None]) -> None:
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
            # It goes on until it is stopped, as Spark's does: what it has handed over is not committed yet.
            while not self._stopping.is_set():
                end = self._reader.latestOffset(at)
                if end == at:
                    self._stopping.wait(_SECONDS_BETWEEN_IDLE_LOOKS)
                    continue
                self._process(self._sums(at, end))
                at = end
        except BaseException as error:  # noqa: BLE001 - handed on to who waits
            self._failure = error

    def _sums(self, start: dict[str, int], end: dict[str, int]) -> list[ChunkSums]:
        found = []
        for partition in self._reader.partitions(start, end):
            assert isinstance(partition, ChunkPartition)
            for batch in self._reader.read(partition):
                found += [ChunkSums.unpack(row["chunk_end"], row["sums"]) for row in batch.to_pylist()]
        return found


def main() -> None:
    """Run jobs, one after another, until stdin ends."""
    for line in sys.stdin:
        request = JobRequest(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            _be(request)
        _say(pid)
        _, status = os.waitpid(pid, 0)
        _say(os.waitstatus_to_exitcode(status))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _be(request: JobRequest) -> None:
    """Be the job, to the end of this process."""
    code = 1
    try:
        log = os.open(request.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(request.environment)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not request.spark:
            setattr(detector_run, "open_session", lambda: None)  # noqa: B010 - other types, on purpose
            setattr(detector_run, "ChunkStream", LoopStream)  # noqa: B010
        setattr(state_tables, "_APPENDS_BETWEEN_COMPACTIONS", request.appends_between_compactions)  # noqa: B010
        setattr(retries, "REQUEST_SECONDS", request.request_seconds)  # noqa: B010
        setattr(retries, "RETRY_SECONDS", request.request_seconds * 4)  # noqa: B010
        if not request.beats:
            setattr(heartbeat, "_SECONDS_BETWEEN_BEATS", 3600.0)  # noqa: B010
        code = _function(request.job)(request.arguments)
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:  # noqa: BLE001 - the child must end here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _function(job: str) -> Callable[[list[str]], int]:
    if job in _JOBS:
        return _JOBS[job]
    module, _, name = job.partition(":")
    function: Callable[[list[str]], int] = getattr(importlib.import_module(module), name)
    return function


if __name__ == "__main__":
    main()
