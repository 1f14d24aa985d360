"""Latency of the whole system under Airflow: `python -m benchmarks.under_airflow`.

The master file grows every second. A row is appended when its upload ends, landed when `offset.csv` covers it, and
committed at the time in the detector's log.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from local import processes
from local.bucket import BUCKET, IMPORTANCE_KEY, SOURCE_KEY
from local.growing_file import GrowingFile
from local.lake_view import LakeView
from local.sample_data import write_sample
from local.stack import Layout, Stack, running_s3, running_stack

_SECONDS_BETWEEN_LOOKS = 0.05
# Skipped: the first runs find a cold detector.
_COLD_SECONDS = 30


@dataclass
class Trace:
    """Unix times at which the master file, the landed line and the committed line reached a line."""

    appended: dict[int, float] = field(default_factory=dict)
    landed: dict[int, float] = field(default_factory=dict)
    committed: dict[int, float] = field(default_factory=dict)

    def ages(self, of: Mapping[int, float], since: Mapping[int, float]) -> list[float]:
        """Return the seconds from each line in `since` until `of` reached it; lines not reached are omitted."""
        lines = sorted(of)
        found = []
        for line, at in since.items():
            position = int(np.searchsorted(lines, line))
            if position < len(lines):
                found.append(of[lines[position]] - at)
        return found


def main() -> int:
    """Run the system and print a Markdown table."""
    options = _parser().parse_args()
    with _stack(options) as (stack, source):
        began = time.monotonic()
        cpu_before = _cpu_seconds(stack)
        trace = _follow(stack, source, began, options.seconds)
        cpu = {name: seconds - cpu_before[name] for name, seconds in _cpu_seconds(stack).items()}
        trace.committed = _committed_lines(options.directory)
        _print(stack, trace, cpu, options)
    return 0


@contextmanager
def _stack(options: argparse.Namespace) -> Iterator[tuple[Stack, GrowingFile]]:
    sample = options.directory / "sample"
    write_sample(sample, round(options.rate * (options.seconds + 120)))
    layout = Layout(
        options.directory, with_importance=True, databricks_arguments=("--start-delay", str(options.start_delay))
    )
    with running_s3(layout) as s3:
        s3.client().upload_file(str(sample / "CustomerImportance.csv"), BUCKET, IMPORTANCE_KEY)
        empty = sample / "empty.csv"
        empty.write_bytes((sample / "transactions.csv").read_bytes().split(b"\n", 1)[0] + b"\n")
        s3.client().upload_file(str(empty), BUCKET, SOURCE_KEY)
        with running_stack(layout, s3) as stack:
            yield stack, GrowingFile(s3.client(), BUCKET, SOURCE_KEY, sample / "transactions.csv", options.rate)


def _follow(stack: Stack, source: GrowingFile, began: float, seconds: float) -> Trace:
    view, trace = LakeView(stack.s3), Trace()
    while time.monotonic() - began < seconds:
        source.advance(time.monotonic() - began)
        trace.appended.setdefault(source.rows, time.time())
        trace.landed.setdefault(view.status(source.rows, 1.0).landed_line, time.time())
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return trace


def _committed_lines(directory: Path) -> dict[int, float]:
    """Return the commit time of each line from the detector's logs."""
    text = "".join(log.read_text() for log in (directory / "databricks" / "logs").glob("*.log"))
    found = re.findall(r'"time": "([^"]+)".*"batch committed", "committed_line": (\d+)', text)
    return {int(line): datetime.fromisoformat(at).timestamp() for at, line in found}


def _cpu_seconds(stack: Stack) -> dict[str, float]:
    """Return the CPU seconds of Airflow's components, including all their child processes."""
    seconds = {}
    for name, process in stack.airflow.components.items():
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        times = [member.cpu_times() for member in family]
        seconds[name] = sum(t.user + t.system + t.children_user + t.children_system for t in times)
    return seconds


def _print(stack: Stack, trace: Trace, cpu: Mapping[str, float], options: argparse.Namespace) -> None:
    with stack.airflow.client() as client:
        runs: list[float] = []
        while True:
            path = f"/dags/chunk_transactions/dagRuns?limit=100&offset={len(runs)}&order_by=start_date"
            page = [
                datetime.fromisoformat(run["start_date"]).timestamp()
                for run in client.get(path).json()["dag_runs"]
                if run["start_date"]
            ]
            if not page:
                break
            runs += page
    warm = min(trace.appended.values()) + _COLD_SECONDS
    appended = {line: at for line, at in trace.appended.items() if at >= warm}
    landed = {line: at for line, at in trace.landed.items() if at >= warm}
    intervals = [b - a for a, b in pairwise(runs) if b >= warm]
    behind = [
        max(line for line, at in trace.appended.items() if at <= now) - landed_line
        for landed_line, now in trace.landed.items()
        if now >= warm
    ]
    rows = [
        (
            "rows per second, seconds, start-up delay",
            f"{options.rate:g}, {options.seconds:g}, {options.start_delay:g} s",
        ),
        ("runs of chunk_transactions", str(len(runs))),
        ("start interval p10 / p50 / p90", _quantiles(intervals, (10, 50, 90))),
        ("appended to landed p50 / p95", _quantiles(trace.ages(trace.landed, appended), (50, 95))),
        ("landed to committed p50 / p95", _quantiles(trace.ages(trace.committed, landed), (50, 95))),
        ("mean lag in lines, first half / second half", _halves(behind)),
        ("CPU time of Airflow", ", ".join(f"{name} {seconds:.0f} s" for name, seconds in cpu.items())),
    ]
    print("| measurement | result |\n| --- | --- |")
    for label, result in rows:
        print(f"| {label} | {result} |")


def _quantiles(values: list[float], percents: tuple[int, ...]) -> str:
    return " / ".join(f"{np.percentile(values, percent):.2f}" for percent in percents) + f" s ({len(values)})"


def _halves(values: list[int]) -> str:
    middle = len(values) // 2
    return f"{statistics.mean(values[:middle]):,.0f} / {statistics.mean(values[middle:]):,.0f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.under_airflow")
    parser.add_argument("--rate", type=float, default=200, metavar="ROWS_PER_SECOND", help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=1050, help="200 runs take 1,000 (%(default)s)")
    parser.add_argument("--start-delay", type=float, default=0, help="of the local Databricks' clusters (%(default)s)")
    parser.add_argument("--directory", type=Path, default=Path(tempfile.mkdtemp(prefix="under-airflow-")))
    return parser


if __name__ == "__main__":
    sys.exit(processes.run_guarded(main))
