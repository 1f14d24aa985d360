"""`make run`: the whole system on one machine, from a master file to detection files.

It runs a local S3, a local Databricks with the jobs, and Airflow with the DAGs until Ctrl-C or a kill.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local import processes
from local.airflow_settings import USER
from local.bucket import BUCKET, IMPORTANCE_KEY, LAKE_KEY, SOURCE_KEY
from local.environment import loopback_environment
from local.failures import PermanentFailures
from local.growing_file import GrowingFile
from local.lake_view import LakeView
from local.preflight import check_files, check_memory, check_ports, claim_directory, free_memory
from local.progress import Display, Status
from local.sample_data import ROWS, SEED, write_sample
from local.stack import Layout, Ports, Stack, running_s3, starting_stack
from spark_jobs.command_line import add_threshold, at_least_one
from spark_jobs.errors import PermanentError
from spark_jobs.lake.layout import DETECTION_FILES, LANDING_ZONE
from spark_jobs.patterns.built_in import parse_thresholds

_POLL_SECONDS = 0.25


def main() -> int:
    """Run the system; return 0 when stopped or complete, 1 after a failure.

    Raises:
        SystemExit: 2 on an invalid command line.
    """
    options = _options()
    # SIGTERM stops the run like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    try:
        _run(options, console)
    except KeyboardInterrupt:
        console.print("stopped")
    except (RuntimeError, OSError, PermanentError) as error:
        console.print(f"failed: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    return 0


def _run(options: argparse.Namespace, console: Console) -> None:
    ports = Ports(options.airflow_port, options.databricks_port, options.s3_port)
    check_ports(asdict(ports))
    check_memory(free_memory())
    parse_thresholds(options.threshold)
    claim_directory(options.directory)
    transactions, importance = _input_files(options, console)
    layout = Layout(
        options.directory.absolute(),
        ports,
        with_importance=importance is not None,
        chunk_size=options.chunk_size,
        thresholds=",".join(options.threshold),
        chunker_mode=options.chunker_mode,
        # The sample in one run of the chunker, instead of three that take longer to start than to land it.
        settings={"max_chunks_per_run": 100},
    )
    # The local S3 starts empty, so nothing of an earlier run applies.
    for name in ("airflow", "databricks", "lake", "logs"):
        shutil.rmtree(layout.directory / name, ignore_errors=True)
    console.print(f"starting S3, Databricks and Airflow: logs in {options.directory / 'logs'}")
    with running_s3(layout) as s3, starting_stack(layout, s3) as finish_start:
        if importance:
            s3.client().upload_file(str(importance), BUCKET, IMPORTANCE_KEY)
        growing = GrowingFile(s3.client(), BUCKET, SOURCE_KEY, transactions, options.grow)
        with closing(growing) as source:
            stack = finish_start()
            _print_addresses(console, stack)
            _follow(stack, source, options, console)


def _input_files(options: argparse.Namespace, console: Console) -> tuple[Path, Path | None]:
    """Return the master file and the importance file: those given, or sample data, created once."""
    if options.source:
        check_files(options.source, options.importance)
        return options.source, options.importance
    folder = options.directory / f"sample-{options.rows}-{options.seed}"
    if not (folder / "complete").exists():
        console.print(f"sample data: {options.rows:,} transactions into {folder}")
        write_sample(folder, options.rows, options.seed)
        (folder / "complete").touch()
    return folder / "transactions.csv", folder / "CustomerImportance.csv"


def _print_addresses(console: Console, stack: Stack) -> None:
    access_key, secret_key = (stack.s3.environment[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    rows = [
        ("Airflow", f"{stack.airflow.url}  user {USER}, password {stack.airflow.password}"),
        ("Databricks", stack.databricks.host),
        ("S3", f"{stack.s3.endpoint}  bucket {BUCKET}, access key {access_key}, secret key {secret_key}"),
    ]
    for name, address in rows:
        console.print(f"{name:<11}{address}", markup=False, highlight=False, soft_wrap=True)


def _follow(stack: Stack, source: GrowingFile, options: argparse.Namespace, console: Console) -> None:
    """Show progress until stopped, or with `--once` until the master file is committed."""
    view = LakeView(stack.s3)
    failures = PermanentFailures(stack.workspace, stack.job_ids)
    began = time.monotonic()
    up_since: float | None = None
    display = Display(console)
    reported = False
    try:
        while True:
            for name in stack.restart_ended():
                console.print(f"{name} ended and was restarted; see its log")
            for failure in failures.poll(time.monotonic()):
                if options.once:
                    raise RuntimeError(failure)
                console.print(failure, style="red", markup=False, soft_wrap=True)
            status = view.status(source.rows, time.monotonic() - began)
            if status.is_up:
                up_since = up_since or time.monotonic()
                source.advance(time.monotonic() - up_since)
            display.show(status)
            if not reported and source.is_complete and status.is_complete:
                display.close()
                for key in view.copy(options.directory):
                    message = f"not copied to {options.directory}: the key {key!r} is no path below it"
                    console.print(message, style="red", markup=False, soft_wrap=True)
                _print_result(console, view, status, options.directory)
                if options.once:
                    return
                console.print("everything is committed; Airflow keeps running, Ctrl-C stops it")
                reported = True
            time.sleep(_POLL_SECONDS)
    finally:
        display.close()


def _print_result(console: Console, view: LakeView, status: Status, directory: Path) -> None:
    quarantined = view.quarantined_lines()
    files = len(list(view.keys(f"{DETECTION_FILES}/")))
    table = Table("what", "how many", title="Result", title_justify="left")
    table.columns[1].justify = "right"
    rows = [
        ("transactions", status.committed_line - quarantined),
        ("chunks", len(list(view.keys(f"{LANDING_ZONE}/")))),
        ("quarantined lines", quarantined),
        *((f"detections {name}", count) for name, count in sorted(status.detections.items())),
        ("files of 50 detections", files),
        ("detections waiting for a full file", status.waiting),
    ]
    for what, count in rows:
        table.add_row(what, f"{count:,}")
    table.add_row("seconds", f"{status.seconds:.1f}")
    console.print(table)
    lake = directory / LAKE_KEY
    if files:
        console.print(f"detection files  {lake / DETECTION_FILES}")
    console.print(f"state (Delta)    {lake / 'state'}")
    console.print(f"logs             {directory / 'logs'}")


def _options() -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args()
    if options.importance and not options.source:
        parser.error("--importance is for the customers and merchants of --source: give both, or neither")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make run ARGS=…", description="The whole system on one machine.")
    parser.add_argument("--source", type=Path, metavar="CSV", help="your own master file instead of sample data")
    parser.add_argument("--importance", type=Path, metavar="CSV", help="your own CustomerImportance.csv, with --source")
    parser.add_argument("--rows", type=at_least_one, default=ROWS, help="rows of sample data (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the sample data (%(default)s)")
    parser.add_argument(
        "--grow",
        type=at_least_one,
        metavar="ROWS_PER_SECOND",
        help="let the master file grow (default: complete at once)",
    )
    parser.add_argument(
        "--once",
        action=argparse.BooleanOptionalAction,
        default=not sys.stdout.isatty(),
        help="end when the file is processed (default without a terminal)",
    )
    parser.add_argument("--chunk-size", type=at_least_one, default=10_000, metavar="LINES", help="(%(default)s)")
    parser.add_argument(
        "--chunker-mode",
        choices=("run", "follow"),
        default="run",
        help="one run of the chunker every 5 seconds, or one that looks every 5 seconds for hours (%(default)s)",
    )
    add_threshold(parser)
    parser.add_argument("--airflow-port", type=int, default=8080, help="0 for a free port, as below (%(default)s)")
    parser.add_argument("--databricks-port", type=int, default=8085, help="(%(default)s)")
    parser.add_argument("--s3-port", type=int, default=9000, help="(%(default)s)")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(".run"),
        metavar="DIR",
        help="a new one, or that of an earlier run, whose files are replaced (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    # Everything that this process and its children write is readable by its owner only.
    os.umask(0o077)
    environment = loopback_environment(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(processes.run_guarded(main))
