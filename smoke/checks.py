"""The checks of a smoke run, in order: each is yielded as soon as it is known."""

import importlib.metadata
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from databricks.sdk.service.jobs import PythonWheelTask
from packaging.requirements import Requirement

import spark_jobs
from smoke.expected import expected_detections
from smoke.scratch import ScratchLake, upload_sample
from smoke.workspace import DeployedJob, SmokeError, Workspace
from spark_jobs.exit_codes import FAILED_PERMANENT
from spark_jobs.lake.detection_files import ROWS_PER_FILE
from spark_jobs.lake.heartbeat import Heartbeat, read_heartbeat
from spark_jobs.lake.offset import read_offset

_PACKAGE = "transaction-patterns"
_CHUNK_SIZE = 10_000
# A cluster takes minutes to start, and longer where the cloud is short of its instance type.
_RUN_SECONDS = 1800.0
_COMMIT_SECONDS = 600.0
_POLL_SECONDS = 0.5
_EMPTY_RUNS = 5


@dataclass(frozen=True)
class Finding:
    """One thing that a smoke run has found out.

    Attributes:
        ok: whether it is as it must be; None for a measurement.
    """

    what: str
    value: str | float
    ok: bool | None = None


@dataclass(frozen=True)
class Deployment:
    """The deployed jobs, and where they are to run.

    Attributes:
        sample: directory with a sample's files.
        rows: of the sample.
        directory: for temporary files.
    """

    workspace: Workspace
    chunker: DeployedJob
    detector: DeployedJob
    maintain_state: DeployedJob
    lake: ScratchLake
    sample: Path
    rows: int
    directory: Path


def check(on: Deployment) -> Iterator[Finding]:
    """Run the jobs and yield what is found.

    Raises:
        SmokeError: the rest cannot be checked.
        PipelineError: the lake cannot be read or written from here.
    """
    source, importance = upload_sample(on.lake, on.sample)
    parameters = {"lake": on.lake.url, "importance": importance, "threshold": ""}
    detector = on.workspace.start(on.detector, parameters)
    requested = time.monotonic()
    # While the detector's cluster starts.
    expected = expected_detections(on.sample, _CHUNK_SIZE, on.directory)
    yield from _packages(on)
    yield from _permanent_failure(on)
    _await_heartbeat(on, detector, lambda _: True, _RUN_SECONDS)
    yield Finding("detector: seconds from the request to its first heartbeat", round(time.monotonic() - requested, 1))
    yield from _landing(on, source)
    yield from _committing(on, detector)
    yield from _empty_runs(on, source)
    yield from _maintenance(on)
    found = on.lake.detections()
    yield Finding("detector: detections by pattern", _by_pattern(one[1] for one in found), found == expected)
    files = on.lake.detection_files()
    yield Finding(f"detector: files of {ROWS_PER_FILE}", files, files == len(expected) // ROWS_PER_FILE)
    yield from _cancelling(on, detector)


def unsatisfied(installed: Mapping[str, str], requirements: Iterable[str]) -> list[str]:
    """Return the requirements, leaving out those of extras, that the installed versions do not meet."""
    found = []
    for requirement in map(Requirement, requirements):
        version = installed.get(_normalized(requirement.name))
        if requirement.marker is None and not (version and requirement.specifier.contains(version, prereleases=True)):
            found.append(f"{requirement}, has {version or 'none'}")
    return found


def _packages(on: Deployment) -> Iterator[Finding]:
    """Compare the packages on the chunker's cluster with what the wheel needs."""
    # The entry point of pip runs as those of our wheel do, and prints what a task can import.
    pip = PythonWheelTask("pip", "pip", parameters=["list", "--format=json", "--disable-pip-version-check"])
    run = on.workspace.wait(on.workspace.submit(on.chunker, pip), _RUN_SECONDS)
    yield Finding("packages: seconds to start a cluster and install libraries", run.setup_seconds)
    listed = next((line for line in run.log.splitlines() if line.startswith("[{")), None)
    if listed is None:
        msg = f"the packages of the cluster are unknown: the run ended with {run.result} {run.error}; see {run.url}"
        raise SmokeError(msg)
    installed = {_normalized(package["name"]): package["version"] for package in json.loads(listed)}
    requirements = importlib.metadata.requires(_PACKAGE) or []
    names = [_normalized(Requirement(one).name) for one in requirements]
    versions = ", ".join(f"{name} {installed[name]}" for name in names if name in installed)
    missing = unsatisfied(installed, [*requirements, f"{_PACKAGE}=={spark_jobs.__version__}"])
    yield Finding("packages: what the wheel needs", "; ".join(missing) or versions, not missing)


def _permanent_failure(on: Deployment) -> Iterator[Finding]:
    """Let the chunker refuse a master file: as a one-time run, because Airflow reads the runs of the job."""
    broken = on.lake.upload("without-columns.csv", b"no,such,columns\n1,2,3\n")
    arguments = ["--source", broken, "--lake", on.lake.url]
    wheel = PythonWheelTask(_PACKAGE, "chunker", parameters=arguments)
    run = on.workspace.wait(on.workspace.submit(on.chunker, wheel), _RUN_SECONDS)
    error = run.error.strip().splitlines()[-1:] or [""]
    ok = run.result == "FAILED" and f"SystemExit: {FAILED_PERMANENT}" in run.error
    yield Finding(f"exit codes: SystemExit({FAILED_PERMANENT}) fails a run", f"{run.result}, {error[0]}", ok)


def _landing(on: Deployment, source: str) -> Iterator[Finding]:
    """Land the whole sample in one run."""
    parameters = {**_chunker_parameters(on, source), "max-chunks": str(on.rows)}
    run = on.workspace.wait(on.workspace.start(on.chunker, parameters), _RUN_SECONDS)
    summary = run.summary()
    yield Finding("chunker: lines landed", summary["lines_landed"], summary["lines_landed"] == on.rows)
    yield Finding("chunker: seconds for these", summary["seconds"])
    # The chunker has verified both before it landed its first chunk.
    yield Finding("chunker: reads and writes the lake with the role of its instance profile", "yes", ok=True)
    yield Finding("chunker: the store honours If-None-Match and If-Match", "yes", ok=True)


def _committing(on: Deployment, detector: int) -> Iterator[Finding]:
    beat = _await_heartbeat(on, detector, lambda beat: beat.committed_line >= on.rows, _COMMIT_SECONDS)
    stored = read_offset(on.lake.objects)
    assert stored
    landed_at = datetime.fromisoformat(stored.offset.updated_at)
    yield Finding("detector: lines committed", beat.committed_line, beat.committed_line == on.rows)
    yield Finding("detector: the local disk carries the checkpoint", f"{beat.batches} micro-batches", ok=True)
    # The heartbeat is written once a second.
    late = (beat.updated_at - landed_at).total_seconds()
    yield Finding("detector: seconds from the last chunk landed to committed, at most", round(late, 1))


def _empty_runs(on: Deployment, source: str) -> Iterator[Finding]:
    """Start runs of the chunker that find nothing new, as Airflow does every 5 seconds."""
    spent = []
    for _ in range(_EMPTY_RUNS):
        run = on.workspace.wait(on.workspace.start(on.chunker, _chunker_parameters(on, source)), _RUN_SECONDS)
        summary = run.summary()
        if summary["outcome"] != "nothing_new":
            msg = f"the chunker landed {summary['chunks']} chunks more than the sample has; see {run.url}"
            raise SmokeError(msg)
        spent.append(run.seconds - summary["seconds"])
    yield Finding("exit codes: a returned 10 is a success", f"{_EMPTY_RUNS} of {_EMPTY_RUNS} runs", ok=True)
    yield Finding("chunker: seconds of a run outside of the job, median", round(statistics.median(spent), 1))
    yield Finding("chunker: seconds of a run outside of the job, maximum", round(max(spent), 1))


def _maintenance(on: Deployment) -> Iterator[Finding]:
    """Compact and expire everything while the detector runs."""
    parameters = {"lake": on.lake.url, "keep-days": "0"}
    run = on.workspace.wait(on.workspace.start(on.maintain_state, parameters), _RUN_SECONDS)
    summary = run.summary()
    yield Finding("maintain_state: seconds to start a cluster and install libraries", run.setup_seconds)
    chunks = -(-on.rows // _CHUNK_SIZE)
    yield Finding("maintain_state: chunks expired", summary["chunks_expired"], summary["chunks_expired"] == chunks)


def _cancelling(on: Deployment, detector: int) -> Iterator[Finding]:
    """Cancel the detector. How it ends is for information: no guarantee rests on it."""
    on.workspace.cancel(detector)
    requested = time.monotonic()
    run = on.workspace.wait(detector, _RUN_SECONDS)
    yield Finding("cancel: result of the run", run.result, run.result == "CANCELED")
    yield Finding("cancel: seconds until the run had ended", round(time.monotonic() - requested, 1))
    yield Finding("detector: seconds to start a cluster and install libraries", run.setup_seconds)
    signals = re.findall(r'"signal": "(\w+)"', run.log)
    unknown = "unknown: Databricks returned no log of the run"
    yield Finding(
        "cancel: signal that the detector received", signals[0] if signals else "none" if run.log else unknown
    )
    stopped = "yes" if '"detector stopped"' in run.log else "no"
    yield Finding("cancel: the detector stopped after a whole micro-batch", stopped if run.log else unknown)


def _await_heartbeat(on: Deployment, detector: int, holds: Callable[[Heartbeat], bool], seconds: float) -> Heartbeat:
    """Wait until a heartbeat meets a condition.

    Raises:
        SmokeError: the detector has ended, or none meets it within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        beat = read_heartbeat(on.lake.objects)
        if beat and holds(beat):
            return beat
        if not on.workspace.is_active(detector):
            run = on.workspace.wait(detector, 0)
            msg = f"the detector ended with {run.result}: {run.error or 'no error was returned'}; see {run.url}"
            raise SmokeError(msg)
        if time.monotonic() > deadline:
            line = f"committed line {beat.committed_line}" if beat else "no heartbeat"
            msg = f"the detector has not got so far within {seconds:.0f} s: {line}"
            raise SmokeError(msg)
        time.sleep(_POLL_SECONDS)


def _chunker_parameters(on: Deployment, source: str) -> dict[str, str]:
    # A job that is deployed to follow the master file would do so for hours.
    return {"source": source, "lake": on.lake.url, "chunk-size": str(_CHUNK_SIZE), "follow-seconds": "0"}


def _by_pattern(ids: Iterable[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(Counter(ids).items())) or "none"


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
