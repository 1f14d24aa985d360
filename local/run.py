"""The pipeline on one machine, from a master file to detection files: what `make run` does.

A local S3, the detector, and the chunker every few seconds, until the whole file is committed. Ctrl-C ends all of it.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from local import processes
from local.progress import Display, Status, open_display
from local.s3 import LocalS3, local_s3
from local.sample_data import ROWS, SEED, write_sample
from spark_jobs import exit_codes
from spark_jobs.core import names

BUCKET = "transactions"
LAKE = "lake"
_SECONDS_BETWEEN_LOOKS = 0.25


@dataclass(frozen=True)
class Input:
    """The files that a run works on; `importance` is None where weights come with the transactions."""

    transactions: Path
    importance: Path | None


@dataclass(frozen=True)
class Result:
    """What a run ended with."""

    status: Status
    chunks: int
    quarantined: int
    files: int
    waiting: int
    seconds: float


def main() -> int:
    """Run the pipeline; return 0 when the whole file is committed, 1 where a job failed, 130 after Ctrl-C."""
    options = _parser().parse_args()
    # Whoever ends us with SIGTERM means what Ctrl-C means.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    directory: Path = options.directory
    logs = directory / "logs"
    try:
        data = _input(options, console)
        console.print(f"local S3, detector and chunker: logs in {logs}")
        with local_s3(logs / "s3.log", options.port, (BUCKET,)) as s3:
            _upload(s3, data)
            result = _drive(s3, data, options, open_display(console), logs)
            _download(s3, directory)
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    except (RuntimeError, OSError) as error:
        console.print(f"failed: {error}", style="red", markup=False)
        return 1
    _print_result(console, result, directory)
    return 0


def _input(options: argparse.Namespace, console: Console) -> Input:
    if options.source:
        return Input(options.source, options.importance)
    folder = options.directory / f"sample-{options.rows}-{options.seed}"
    data = Input(folder / "transactions.csv", folder / "CustomerImportance.csv")
    if not (folder / "complete").exists():
        console.print(f"sample data: {options.rows:,} transactions into {folder}")
        write_sample(folder, options.rows, options.seed)
        (folder / "complete").touch()
    return data


def _upload(s3: LocalS3, data: Input) -> None:
    s3.client().upload_file(str(data.transactions), BUCKET, "transactions.csv")
    if data.importance:
        s3.client().upload_file(str(data.importance), BUCKET, "CustomerImportance.csv")


def _drive(s3: LocalS3, data: Input, options: argparse.Namespace, display: Display, logs: Path) -> Result:
    """Run the chunker every few seconds beside the detector, until all that it landed is committed."""
    with data.transactions.open("rb") as lines:
        total = sum(block.count(b"\n") for block in iter(lambda: lines.read(1 << 20), b"")) - 1
    began = time.monotonic()
    chunks = quarantined = landed = 0
    everything_landed = False
    with _detector(s3, data, logs) as detector:
        next_run = began
        while True:
            if detector.poll() is not None:
                msg = f"the detector ended with exit code {detector.returncode}; see {logs / 'detector.log'}"
                raise RuntimeError(msg)
            if not everything_landed and time.monotonic() >= next_run:
                next_run += options.every
                summary = _run_chunker(s3, options, logs)
                if summary:
                    chunks += summary["chunks"]
                    quarantined += summary["lines_quarantined"]
                    landed = summary["landed_line"]
                    everything_landed = summary["outcome"] == "nothing_new"
            heartbeat = _heartbeat(s3)
            committed = heartbeat.get("committed_line", 0)
            seconds = time.monotonic() - began
            status = Status(total, landed, committed, committed / seconds, heartbeat.get("detections", {}))
            display.show(status)
            if everything_landed and committed == landed:
                break
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    display.close()
    files = len(list(_keys(s3, f"{LAKE}/{names.DETECTION_FILES}/")))
    return Result(status, chunks, quarantined, files, heartbeat["waiting"], seconds)


@contextmanager
def _detector(s3: LocalS3, data: Input, logs: Path) -> "Iterator[subprocess.Popen[bytes]]":
    command = [sys.executable, "-m", "spark_jobs.detector.cli", "--lake", f"s3://{BUCKET}/{LAKE}"]
    if data.importance:
        command += ["--importance", f"s3://{BUCKET}/CustomerImportance.csv"]
    process = processes.start(command, logs / "detector.log", s3.environment)
    try:
        yield process
    finally:
        processes.stop(process)


def _run_chunker(s3: LocalS3, options: argparse.Namespace, logs: Path) -> dict[str, Any] | None:
    """Run the chunker once; return its summary, None where it failed and is worth a retry.

    Raises:
        RuntimeError: it failed for good.
    """
    command = [sys.executable, "-m", "spark_jobs.chunker.cli"]
    command += ["--source", f"s3://{BUCKET}/transactions.csv", "--lake", f"s3://{BUCKET}/{LAKE}"]
    command += ["--chunk-size", str(options.chunk_size), "--max-chunks", str(options.chunks_per_run)]
    out = logs / "chunker.json"
    out.unlink(missing_ok=True)
    with (logs / "chunker.log").open("ab") as log, out.open("wb") as summary:
        code = subprocess.run(
            command, stdout=summary, stderr=log, env=processes.with_environment(s3.environment), check=False
        ).returncode
    if code in (exit_codes.DONE, exit_codes.NOTHING_NEW):
        return dict(json.loads(out.read_text()))
    if code == exit_codes.FAILED_RETRYABLE:
        return None
    last = (logs / "chunker.log").read_text().strip().rpartition("\n")[2]
    msg = f"the chunker failed for good: {json.loads(last)['event'] if last.startswith('{') else last}"
    raise RuntimeError(msg)


def _heartbeat(s3: LocalS3) -> dict[str, Any]:
    try:
        body = s3.client().get_object(Bucket=BUCKET, Key=f"{LAKE}/{names.HEARTBEAT}")["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return {}
        raise
    return dict(json.loads(body))


def _keys(s3: LocalS3, prefix: str) -> Iterator[str]:
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return (entry["Key"] for page in pages for entry in page.get("Contents", []))


def _download(s3: LocalS3, directory: Path) -> None:
    """Keep the lake: the local S3 forgets it."""
    for key in _keys(s3, f"{LAKE}/"):
        path = directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.client().download_file(BUCKET, key, str(path))


def _print_result(console: Console, result: Result, directory: Path) -> None:
    status = result.status
    table = Table("what", "how many", title="Result", title_justify="left")
    table.columns[1].justify = "right"
    rows = [
        ("transactions", status.committed_line - result.quarantined),
        ("chunks", result.chunks),
        ("quarantined lines", result.quarantined),
        *((f"detections {name}", count) for name, count in sorted(status.detections.items())),
        ("files of 50 detections", result.files),
        ("detections that wait for their file", result.waiting),
    ]
    for what, count in rows:
        table.add_row(what, f"{count:,}")
    table.add_row("seconds", f"{result.seconds:.1f}")
    console.print(table)
    lake = directory / LAKE
    console.print(f"detection files  {lake / names.DETECTION_FILES}")
    console.print(f"state (Delta)    {lake / 'state'}")
    console.print(f"logs             {directory / 'logs'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make run ARGS=…", description="The pipeline on one machine.")
    parser.add_argument("--source", type=Path, metavar="CSV", help="your own master file instead of sample data")
    parser.add_argument("--importance", type=Path, metavar="CSV", help="your own CustomerImportance.csv, with --source")
    parser.add_argument("--rows", type=int, default=ROWS, help="of sample data (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of sample data (%(default)s)")
    parser.add_argument("--every", type=float, default=5, metavar="SECONDS", help="between chunker runs (%(default)s)")
    parser.add_argument("--chunk-size", type=int, default=10_000, metavar="LINES", help="(%(default)s)")
    parser.add_argument("--chunks-per-run", type=int, default=5, metavar="N", help="at most (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="of the local S3; 0 for a free one (%(default)s)")
    parser.add_argument("--directory", type=Path, default=Path(".run"), metavar="DIR", help="(%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
