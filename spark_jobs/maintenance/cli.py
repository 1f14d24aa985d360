"""`maintain_state`: keep the lake small, and print a summary of one line. Safe while chunker and detector run."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from logging import Logger
from typing import Protocol

from spark_jobs import exit_codes
from spark_jobs.command_line import add_lake, exit_on_error, job_logger, report
from spark_jobs.lake import layout
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.quarantine import expire_quarantine
from spark_jobs.lake.state_version import Writer, state_writer, verify_state_version
from spark_jobs.lake.what_if_report import expire_reports
from spark_jobs.maintenance.compaction import Rewrite, compact_merchant_history, compact_pairs, vacuum
from spark_jobs.store.delta import find_table, retry_delta
from spark_jobs.store.objects import Objects, open_objects


@dataclass(frozen=True)
class MaintenanceSummary:
    """The outcome of a run.

    Attributes:
        committed_line: only rows and files below it were touched.
        pair_rows_before, pair_rows_after: rows of `state/pairs`; afterwards one per pair.
        merchant_rows_deleted: rows of `state/merchants` whose chunks have expired.
        files_deleted: unreferenced data files of Delta tables.
        chunks_expired, quarantine_files_expired, report_files_expired: files deleted because of their age.
        seconds: duration of the run inside the process.
    """

    committed_line: int
    pair_rows_before: int
    pair_rows_after: int
    merchant_rows_deleted: int
    files_deleted: int
    chunks_expired: int
    quarantine_files_expired: int
    report_files_expired: int
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the maintenance; return 0.

    Raises:
        SystemExit: 75 if a retry can help, 70 if it cannot, 2 on a wrong command line.
    """
    options = _parser().parse_args(arguments)
    log = job_logger("maintain_state")
    with exit_on_error(log):
        now = datetime.now(UTC)
        reports_before, expire_before = (
            now - timedelta(days=d) for d in (options.keep_reports_days, options.keep_days)
        )
        summary = run(open_objects(options.lake), options.landing_format, expire_before, reports_before, log)
    report(log, "maintenance ended", summary)
    return exit_codes.DONE


def run(
    lake: Objects, landing_format: str, expire_before: datetime, expire_reports_before: datetime, log: Logger
) -> MaintenanceSummary:
    """Compact and delete; each step is independent, so an interrupted run is repeated."""
    started = time.monotonic()
    state = _state_maintenance(lake, log)
    compaction = state.compact_pairs()
    committed_line = compaction.through_line if compaction else 0
    landing = open_landing(landing_format, lake)
    chunks = landing.expire(committed_line, expire_before)
    kept_line = next(iter(landing.first_lines(0, 1)), committed_line)
    history = state.compact_merchant_history(min(kept_line, committed_line) + 1)
    quarantine_files = expire_quarantine(lake, committed_line, expire_before)
    report_files = expire_reports(lake, expire_reports_before)
    files = sum(map(state.vacuum, (layout.PAIRS, layout.MERCHANTS, layout.DETECTIONS, layout.SHADOW)))
    if landing_format == "delta":
        files += vacuum(lake.place(layout.LANDING_ZONE))
    return MaintenanceSummary(
        committed_line=committed_line,
        pair_rows_before=compaction.rows_before if compaction else 0,
        pair_rows_after=compaction.rows_after if compaction else 0,
        merchant_rows_deleted=history.rows_before - history.rows_after if history else 0,
        files_deleted=files,
        chunks_expired=chunks,
        quarantine_files_expired=quarantine_files,
        report_files_expired=report_files,
        seconds=round(time.monotonic() - started, 3),
    )


class StateMaintenance(Protocol):
    """The maintenance of the state's tables, by their kind of writer."""

    def compact_pairs(self) -> Rewrite | None:
        """Rewrite pairs with one row each; return None if there is no state yet."""
        ...

    def compact_merchant_history(self, below_line: int) -> Rewrite | None:
        """Keep only the newest row of each merchant below a line."""
        ...

    def vacuum(self, name: str) -> int:
        """Delete unreferenced files of a table; return their number."""
        ...


@dataclass(frozen=True)
class _DeltalakeMaintenance:
    lake: Objects

    def compact_pairs(self) -> Rewrite | None:
        return compact_pairs(self.lake.place(layout.PAIRS))

    def compact_merchant_history(self, below_line: int) -> Rewrite | None:
        return compact_merchant_history(self.lake.place(layout.MERCHANTS), below_line)

    def vacuum(self, name: str) -> int:
        return vacuum(self.lake.place(name))


def _state_maintenance(lake: Objects, log: Logger) -> StateMaintenance:
    url = lake.place(layout.PAIRS)
    table = retry_delta(url, lambda: find_table(url))
    if table:
        verify_state_version(table, url)
    if table is None or state_writer(table) is Writer.DELTALAKE:
        return _DeltalakeMaintenance(lake)
    # Spark is not installed wherever the state is in the detector's memory.
    from spark_jobs.engine.session import open_session
    from spark_jobs.maintenance.spark_maintenance import SparkMaintenance

    return SparkMaintenance(open_session(lake.url), lake, log)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maintain_state",
        description="Compact the state to one row per pair, and delete old data that is no longer needed.",
        epilog="Exit codes: 0 done, 75 failed but worth a retry, 70 failed permanently.",
    )
    add_lake(parser)
    parser.add_argument(
        "--keep-days",
        type=float,
        default=7,
        metavar="DAYS",
        help="how long committed chunks and quarantined lines are kept (%(default)s)",
    )
    parser.add_argument(
        "--keep-reports-days",
        type=float,
        default=90,
        metavar="DAYS",
        help="how long the reports of what_if are kept (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
