"""Where the time of `make run ARGS=--once` goes, from the command to its end: `python -m benchmarks.run_timeline`."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx

from local import processes
from local.ports import free_port
from local.stack import Ports

# More often, it would slow down what it measures.
_SECONDS_BETWEEN_POLLS = 0.5
_COMPONENTS = ("scheduler", "dag-processor", "triggerer")


def main() -> int:
    """Run the pipeline once, and print a Markdown table of what happened when."""
    options = _parser().parse_args()
    ports = Ports(free_port(0), free_port(0), free_port(0))
    output = options.directory / "output"
    output.unlink(missing_ok=True)
    began = time.time()
    events = _follow(options, ports, output)
    events |= _from_logs(options.directory)
    print("| seconds | event |\n| ---: | --- |")
    for name, at in sorted(events.items(), key=lambda event: event[1]):
        print(f"| {at - began:.1f} | {name} |")
    return 0


def _follow(options: argparse.Namespace, ports: Ports, output: Path) -> dict[str, float]:
    """Run to the end; return the Unix times of what can be seen from the outside."""
    command = [sys.executable, "-m", "local.run", "--once", "--directory", str(options.directory / "run")]
    command += ["--rows", str(options.rows), "--airflow-port", str(ports.airflow)]
    command += ["--databricks-port", str(ports.databricks), "--s3-port", str(ports.s3)]
    run = processes.start(command, output, {})
    events: dict[str, float] = {}
    try:
        while run.poll() is None:
            for name in _seen(ports, output.read_text(), events):
                events[name] = time.time()
            time.sleep(_SECONDS_BETWEEN_POLLS)
    finally:
        processes.stop(run)
    if run.returncode:
        raise SystemExit(output.read_text())
    return {**events, "the command has ended": time.time()}


def _seen(ports: Ports, printed: str, before: dict[str, float]) -> Iterator[str]:
    """Yield the events that have happened since `before`."""
    servers = {
        "S3 responds": f"http://127.0.0.1:{ports.s3}/",
        "Databricks responds": f"http://127.0.0.1:{ports.databricks}/.well-known/databricks-config",
        "Airflow's api-server responds": f"http://127.0.0.1:{ports.airflow}/api/v2/version",
    }
    yield from (name for name, url in servers.items() if name not in before and _response(url) is not None)
    lines = {"the stack is up": "Airflow    http", "everything is committed": "Result"}
    yield from (name for name, text in lines.items() if name not in before and text in printed)
    names = [name for name in _COMPONENTS if f"Airflow's {name} is healthy" not in before]
    if names and "Airflow's api-server responds" in before:
        health = _response(f"http://127.0.0.1:{ports.airflow}/api/v2/monitor/health")
        parts = health.json() if health else {}
        for name in names:
            if parts.get(name.replace("-", "_"), {}).get("status") == "healthy":
                yield f"Airflow's {name} is healthy"


def _response(url: str) -> httpx.Response | None:
    try:
        return httpx.get(url, timeout=1)
    except httpx.HTTPError:
        return None


def _from_logs(directory: Path) -> dict[str, float]:
    """Return the Unix times of what the jobs and Airflow have logged."""
    events: dict[str, float] = {}
    commits: list[float] = []
    landings: list[float] = []
    for log in (directory / "run" / "databricks" / "logs").rglob("*"):
        for line in log.read_text().splitlines() if log.is_file() else ():
            entry = json.loads(line) if line.startswith("{") else {}
            at = datetime.fromisoformat(entry["time"]).timestamp() if "time" in entry else 0.0
            if entry.get("event") == "detector started":
                events["the detector has started"] = at
            elif entry.get("event") == "batch committed":
                commits.append(at)
            elif entry.get("event") == "chunker run ended" and entry["chunks"]:
                landings.append(at)
    for name, times in (("commit", commits), ("run of the chunker", landings)):
        events[f"the first {name}"], events[f"the last {name} ({len(times)} in all)"] = min(times), max(times)
    tasks = (directory / "run" / "airflow" / "logs").glob("dag_id=chunk_transactions/*/*/*.log")
    events["the first task's log in Airflow"] = min(task.stat().st_mtime for task in tasks)
    return events


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=594_643, help="(%(default)s)")
    parser.add_argument("--directory", type=Path, default=Path(tempfile.mkdtemp(prefix="timeline-")), metavar="DIR")
    return parser


if __name__ == "__main__":
    sys.exit(main())
