"""`maintain_state`: keep the lake small, and say in one line what was done. Safe beside chunker and detector."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from spark_jobs import exit_codes
from spark_jobs.lake import layout
from spark_jobs.lake.landing import FORMATS, open_landing
from spark_jobs.log import job_logger
from spark_jobs.maintenance.compaction import compact_pairs, thin_merchants, vacuum
from spark_jobs.maintenance.retention import expire_quarantine
from spark_jobs.store.objects import open_objects


@dataclass(frozen=True)
class Summary:
    """What one run did.

    Attributes:
        committed_line: only what lies below it was touched.
        pair_rows_before, pair_rows_after: of `state/pairs`; after it, one a pair.
        merchant_rows_deleted: of `state/merchants`, of lines whose chunks have expired.
        files_deleted: data files of Delta tables that nothing refers to any more.
        chunks_expired, quarantine_files_expired: deleted for their age.
        seconds: how long the run took inside the process.
    """

    committed_line: int
    pair_rows_before: int
    pair_rows_after: int
    merchant_rows_deleted: int
    files_deleted: int
    chunks_expired: int
    quarantine_files_expired: int
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the maintenance; return 0 when all is done.

    Raises:
        SystemExit: 75 where a retry can help, 70 where it cannot, 2 on a wrong command line.
    """
    options = _parser().parse_args(arguments)
    log = job_logger("maintain_state")
    with exit_codes.exit_on_error(log):
        summary = run(options, datetime.now(UTC))
    log.info("maintenance ended", extra={"fields": asdict(summary)})
    print(json.dumps(asdict(summary)))
    return exit_codes.DONE


def run(options: argparse.Namespace, now: datetime) -> Summary:
    """Compact, then delete what nothing needs. Each step stands for itself: a run that died is simply run again."""
    started = time.monotonic()
    lake = open_objects(options.lake)
    compaction = compact_pairs(lake.place(layout.PAIRS))
    committed_line = compaction.through_line if compaction else 0
    before = now - timedelta(days=options.keep_days)
    landing = open_landing(options.landing_format, lake)
    chunks = landing.expire(committed_line, before)
    kept_line = next(iter(landing.first_lines(0, 1)), committed_line)
    thinned = thin_merchants(lake.place(layout.MERCHANTS), min(kept_line, committed_line) + 1)
    quarantine_files = expire_quarantine(lake, committed_line, before)
    tables = [layout.PAIRS, layout.MERCHANTS, layout.DETECTIONS]
    if options.landing_format == "delta":
        tables.append(layout.LANDING_ZONE)
    files = sum(vacuum(lake.place(table)) for table in tables)
    return Summary(
        committed_line=committed_line,
        pair_rows_before=compaction.rows_before if compaction else 0,
        pair_rows_after=compaction.rows_after if compaction else 0,
        merchant_rows_deleted=thinned.rows_before - thinned.rows_after if thinned else 0,
        files_deleted=files,
        chunks_expired=chunks,
        quarantine_files_expired=quarantine_files,
        seconds=round(time.monotonic() - started, 3),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="maintain_state",
        description="Compact the state to one row a pair, and delete what is old and no longer needed.",
        epilog="Exit codes: 0 done, 75 failed and worth a retry, 70 failed for good.",
    )
    parser.add_argument("--lake", required=True, metavar="URL", help="the root under which everything lies")
    parser.add_argument("--landing-format", choices=FORMATS, default="csv", help="(%(default)s)")
    parser.add_argument(
        "--keep-days",
        type=float,
        default=7,
        metavar="DAYS",
        help="how long committed chunks and quarantined lines stay (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
