"""The whole system on one machine, from a master file to detection files: what `make run` does.

A local S3, a local Databricks with its three jobs, Airflow with the DAGs. Ctrl-C ends all of it, and so does a kill.
"""

import argparse
import shutil
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from local import processes
from local.airflow_settings import USER
from local.bucket import BUCKET, IMPORTANCE_KEY, SOURCE_KEY
from local.failures import PermanentFailures
from local.growing_file import GrowingFile
from local.lake_view import LakeView
from local.preflight import check_files, check_memory, check_ports, free_memory
from local.progress import Status, open_display
from local.result import print_result
from local.s3 import LocalS3
from local.sample_data import ROWS, SEED, write_sample
from local.stack import Layout, Ports, Stack, running_s3, running_stack
from spark_jobs.command_line import add_threshold, at_least_one
from spark_jobs.errors import PermanentError
from spark_jobs.patterns import THRESHOLDS
from spark_jobs.patterns.thresholds import parse_thresholds

_SECONDS_BETWEEN_LOOKS = 0.25


@dataclass(frozen=True)
class Input:
    """The files that a run works on; `importance` is None where weights come with the transactions."""

    transactions: Path
    importance: Path | None


def main() -> int:
    """Run everything; return 0 when told to stop or when all is done, 1 where something failed.

    Raises:
        SystemExit: 2 on a wrong command line.
    """
    options = _options()
    # Whoever ends us with SIGTERM means what Ctrl-C means.
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
    parse_thresholds(options.threshold, THRESHOLDS)
    data = _input(options, console)
    layout = Layout(
        options.directory.absolute(),
        ports,
        with_importance=data.importance is not None,
        chunk_size=options.chunk_size,
        thresholds=",".join(options.threshold),
    )
    # The S3 forgets, so everything begins anew.
    for name in ("airflow", "databricks", "lake", "logs"):
        shutil.rmtree(layout.directory / name, ignore_errors=True)
    console.print(f"starting S3, Databricks and Airflow: logs in {options.directory / 'logs'}")
    with running_s3(layout) as s3:
        if data.importance:
            s3.client().upload_file(str(data.importance), BUCKET, IMPORTANCE_KEY)
        source = GrowingFile(s3.client(), BUCKET, SOURCE_KEY, data.transactions, options.grow, time.monotonic())
        with running_stack(layout, s3) as stack:
            _print_addresses(console, stack)
            _follow(stack, source, options, console)


def _input(options: argparse.Namespace, console: Console) -> Input:
    if options.source:
        check_files(options.source, options.importance)
        return Input(options.source, options.importance)
    folder = options.directory / f"sample-{options.rows}-{options.seed}"
    data = Input(folder / "transactions.csv", folder / "CustomerImportance.csv")
    if not (folder / "complete").exists():
        console.print(f"sample data: {options.rows:,} transactions into {folder}")
        write_sample(folder, options.rows, options.seed)
        (folder / "complete").touch()
    return data


def _print_addresses(console: Console, stack: Stack) -> None:
    rows = [
        ("Airflow", f"{stack.airflow.url}  user {USER}, password {stack.airflow.password}"),
        ("Databricks", stack.databricks.host),
        ("S3", f"{stack.s3.endpoint}  bucket {BUCKET}"),
    ]
    for name, address in rows:
        console.print(f"{name:<11}{address}", markup=False, highlight=False, soft_wrap=True)


def _follow(stack: Stack, source: GrowingFile, options: argparse.Namespace, console: Console) -> None:
    """Show progress until told to stop, or until all is done where that is asked for."""
    view = LakeView(stack.s3)
    failures = PermanentFailures(stack.workspace, stack.job_ids)
    began = time.monotonic()
    display = open_display(console)
    told = False
    try:
        while True:
            source.advance(time.monotonic())
            for name in stack.restart_ended():
                console.print(f"{name} had ended and was started again; see its log")
            for failure in failures.look(time.monotonic()):
                if options.once:
                    raise RuntimeError(failure)
                console.print(failure, style="red", markup=False, soft_wrap=True)
            status = view.status(source.rows, time.monotonic() - began)
            display.show(status)
            if not told and source.is_complete and _is_done(status):
                display.close()
                print_result(console, view, status, _keep_lake(stack.s3, view, options.directory))
                if options.once:
                    return
                console.print("everything is committed; Airflow goes on, Ctrl-C ends it")
                told = True
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        display.close()


def _is_done(status: Status) -> bool:
    return status.total == status.landed_line == status.committed_line


def _keep_lake(s3: LocalS3, view: LakeView, directory: Path) -> Path:
    """Copy the lake to a folder: the local S3 forgets it."""
    for key in view.keys(""):
        path = directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.client().download_file(BUCKET, key, str(path))
    return directory


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
    parser.add_argument("--rows", type=at_least_one, default=ROWS, help="of sample data (%(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of sample data (%(default)s)")
    parser.add_argument(
        "--grow", type=at_least_one, metavar="ROWS_PER_SECOND", help="let the master file grow (all at once)"
    )
    parser.add_argument(
        "--once",
        action=argparse.BooleanOptionalAction,
        default=not sys.stdout.isatty(),
        help="end when the file is processed (what happens where there is no terminal)",
    )
    parser.add_argument("--chunk-size", type=at_least_one, default=10_000, metavar="LINES", help="(%(default)s)")
    add_threshold(parser)
    parser.add_argument("--airflow-port", type=int, default=8080, help="0 for any free one, as below (%(default)s)")
    parser.add_argument("--databricks-port", type=int, default=8085, help="(%(default)s)")
    parser.add_argument("--s3-port", type=int, default=9000, help="(%(default)s)")
    parser.add_argument("--directory", type=Path, default=Path(".run"), metavar="DIR", help="(%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(processes.run_guarded(main))
