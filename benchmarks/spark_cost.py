"""Cost of the state backend `spark`: a micro-batch against the pairs of the touched merchants and its chunks.

`python -m benchmarks.spark_cost` prints a table in Markdown. CPU seconds are those of the driver's Python, of planning
and committing in the JVM, of the JVM's compiler and garbage collector, of tasks in the JVM, and of Python workers. Only
the first two are serial: they stay the same with more cores.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from benchmarks.kernel_cost import customer_names, merchant_names, state_rows
from local import processes
from local.jars import delta_jars
from spark_jobs.chunker.cli import main as chunker
from spark_jobs.command_line import job_logger
from spark_jobs.lake.state_switch import switch_writer
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import Writer
from spark_jobs.patterns.detect import Outcome
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.store.objects import open_objects

_CHUNK = 10_000
# The first micro-batches are slower, until the JVM has compiled what it runs.
_WARM_UP = 3
_TIMEOUT_SECONDS = 1800
# The names of the JVM's threads that compile (C1, C2) and collect garbage.
_UPKEEP = ("C1 ", "C2 ", "GC ", "G1 ", "VM Thread")


@dataclass(frozen=True)
class Shape:
    """Pairs and merchants of the state, merchants that a micro-batch touches, its chunks, and micro-batches."""

    pairs: int
    merchants: int
    touched: int
    chunks: int
    batches: int


_SHAPES = (
    Shape(60_000, 100, 100, 100, 8),
    Shape(1_000_000, 100, 100, 1, 12),
    Shape(1_000_000, 100, 100, 20, 10),
    Shape(1_000_000, 100, 100, 100, 9),
    Shape(4_000_000, 100, 100, 100, 7),
    Shape(4_000_000, 400, 100, 20, 8),
    Shape(10_000_000, 100, 100, 100, 5),
)


@dataclass(frozen=True)
class Cpu:
    """CPU seconds: of the driver's Python, the whole JVM, Python workers, and the JVM's compiler and collector."""

    driver: float
    jvm: float
    workers: float
    upkeep: float

    def since(self, before: "Cpu") -> "Cpu":
        """Return what was used since then."""
        return Cpu(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


@dataclass(frozen=True)
class Tasks:
    """What the tasks of a micro-batch have used: CPU seconds in the JVM, and bytes read."""

    seconds: float
    bytes_read: int


@dataclass(frozen=True)
class BatchCost:
    """The cost of a micro-batch, from commit to commit."""

    seconds: float
    cpu: Cpu
    tasks: Tasks

    @property
    def serial(self) -> float:
        """CPU seconds that more cores do not divide."""
        return self.cpu.driver + self.planning

    @property
    def planning(self) -> float:
        """CPU seconds of planning, scheduling and committing in the JVM."""
        return self.cpu.jvm - self.tasks.seconds - self.cpu.upkeep

    @property
    def total(self) -> float:
        """All CPU seconds."""
        return self.cpu.driver + self.cpu.jvm + self.cpu.workers


def measure(shape: Shape, directory: Path, cores: int) -> list[BatchCost]:
    """Return the costs of the micro-batches of a detector that catches up, without the first ones."""
    lake = (directory / "lake").as_uri()
    source = directory / "transactions.csv"
    _write_transactions(source, shape)
    chunker(["--source", source.as_uri(), "--lake", lake])
    rows = state_rows(shape.pairs, shape.merchants, np.random.default_rng(7)).sort_by("merchant")
    StateTables(open_objects(lake)).commit(Outcome(_CHUNK, [], MERCHANTS_SCHEMA.empty_table(), rows), {})
    switch_writer(open_objects(lake), Writer.SPARK, job_logger("benchmark"))
    chunker(["--source", source.as_uri(), "--lake", lake, "--max-chunks", "100000"])
    events = directory / "events"
    events.mkdir()
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
    }
    submit = [f"--master local[{cores}]", "--driver-memory 4g", f"--jars {','.join(map(str, delta_jars()))}"]
    submit += [f"--conf {name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "spark_jobs.detector.cli", "--lake", lake, "--state-backend", "spark"]
    options = ("--available-now", "--max-chunks", str(shape.chunks))
    environment = {**os.environ, "PYSPARK_SUBMIT_ARGS": " ".join([*submit, "pyspark-shell"])}
    log = directory / "detector.log"
    process = processes.start([*command, *options], log, environment)
    try:
        commits = list(_commits(process.pid, log, shape.batches))
        process.wait(60)
    finally:
        processes.stop(process)
    [file] = events.iterdir()
    tasks = _tasks(file)
    costs = [
        BatchCost(at - before, cpu.since(used), _between(tasks, before, at))
        for (before, used), (at, cpu) in pairwise(commits)
    ]
    return costs[_WARM_UP - 1 :]


def _commits(pid: int, log: Path, count: int) -> Iterator[tuple[float, Cpu]]:
    """Yield the time of each commit with the CPU that the detector has used by then."""
    seen, deadline = 0, time.monotonic() + _TIMEOUT_SECONDS
    while seen < count:
        found = log.read_text().count('"batch committed"')
        for _ in range(found - seen):
            yield time.time(), cpu_used(pid)
        seen = found
        if time.monotonic() > deadline or not psutil.pid_exists(pid):
            msg = f"the detector did not get there; see {log}:\n{log.read_text()[-3000:]}"
            raise TimeoutError(msg)
        time.sleep(0.02)


def cpu_used(pid: int) -> Cpu:
    """Return what a process with Spark's driver has used, with its JVM and Python workers."""
    driver = psutil.Process(pid)
    jvm = workers = upkeep = 0.0
    for child in driver.children(recursive=True):
        # Workers that have ended are counted in the process that forked them.
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            if child.name().startswith("java"):
                jvm += times.user + times.system
                upkeep += _upkeep(child)
            else:
                workers += times.user + times.system + times.children_user + times.children_system
    times = driver.cpu_times()
    return Cpu(times.user + times.system, jvm, workers, upkeep)


def _upkeep(jvm: psutil.Process) -> float:
    """Return the CPU seconds of the threads that compile and collect garbage."""
    seconds = 0.0
    for thread in jvm.threads():
        with suppress(FileNotFoundError):
            # It may have ended.
            if Path(f"/proc/{jvm.pid}/task/{thread.id}/comm").read_text().startswith(_UPKEEP):
                seconds += thread.user_time + thread.system_time
    return seconds


def _tasks(file: Path) -> list[tuple[float, Tasks]]:
    """Return the end of each task, in seconds, with what it has used."""
    found = []
    for line in file.read_text().splitlines():
        event = json.loads(line)
        if event["Event"] == "SparkListenerTaskEnd" and (metrics := event.get("Task Metrics")):
            used = Tasks(metrics["Executor CPU Time"] / 1e9, metrics["Input Metrics"]["Bytes Read"])
            found.append((event["Task Info"]["Finish Time"] / 1000, used))
    return found


def _between(tasks: list[tuple[float, Tasks]], start: float, end: float) -> Tasks:
    used = [task for at, task in tasks if start < at <= end]
    return Tasks(sum(task.seconds for task in used), sum(task.bytes_read for task in used))


def _write_transactions(path: Path, shape: Shape) -> None:
    """Write a master file whose pairs are all in the state, of the first merchants only."""
    random = np.random.default_rng(7)
    count = (shape.batches * shape.chunks + 1) * _CHUNK
    merchants = random.integers(0, shape.touched, count)
    customers = random.integers(0, shape.pairs // shape.merchants, count)
    names = zip(customer_names(customers), merchant_names(merchants), strict=True)
    with path.open("w") as out:
        out.write("customer,gender,merchant,category,amount\n")
        out.writelines(f"{customer},F,{merchant},es_food,12.50\n" for customer, merchant in names)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all shapes; print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of shapes, from 0")
    options = parser.parse_args(arguments)
    of_cpu = ("driver", "planning", "upkeep", "tasks", "workers", "serial")
    columns = ("pairs", "merchants touched", "chunks", "seconds", "transactions/s", *of_cpu, "MB read")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for number, shape in enumerate(_SHAPES):
        if options.only and number not in options.only:
            continue
        with tempfile.TemporaryDirectory(prefix="spark-cost-") as name:
            costs = measure(shape, Path(name), options.cores)
        seconds = statistics.mean(cost.seconds for cost in costs)
        parts = ((c.cpu.driver, c.planning, c.cpu.upkeep, c.tasks.seconds, c.cpu.workers, c.serial) for c in costs)
        means = [statistics.mean(values) for values in zip(*parts, strict=True)]
        share = means[-1] / statistics.mean(cost.total for cost in costs)
        read = statistics.mean(cost.tasks.bytes_read for cost in costs) / 1e6
        print(
            f"| {shape.pairs:,} | {shape.touched} of {shape.merchants} | {shape.chunks} | {seconds:.2f}"
            f" | {shape.chunks * _CHUNK / seconds:,.0f} | {' | '.join(f'{mean:.2f}' for mean in means)} ({share:.0%})"
            f" | {read:.1f} |",
            flush=True,
        )
        print(" ".join(f"{cost.seconds:.2f}" for cost in costs), file=sys.stderr)


if __name__ == "__main__":
    main()
