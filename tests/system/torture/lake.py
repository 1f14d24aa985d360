"""The test lake: its master file, the jobs on it, and its contents for comparison."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from deltalake import DeltaTable

from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows, restore_state
from spark_jobs.lake.detection_files import detection_file
from spark_jobs.lake.layout import DETECTIONS, MERCHANTS, PAIRS
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, parse_detection_rows
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from tests.system.torture.job import JobRequest
from tests.system.torture.s3 import BUCKET, Stored

LAKE = "lake"
LAKE_URL = f"s3://{BUCKET}/{LAKE}"
SOURCE_URL = f"s3://{BUCKET}/transactions.csv"
LINES, CHUNK = 115, 30
_BAD_LINES = (3, 70)
_HEADER = b"step,customer,gender,merchant,category,amount\n"


def master_file() -> Stored:
    """Return a master file of 115 lines, two of them bad, with one transaction per pair, cheap ones included."""
    lines = (
        b"%d,C%d,%s,M%d,food,%d.50\n" % (n, n, b"FM"[n % 2 : n % 2 + 1], n % 2, n % 25)
        if n not in _BAD_LINES
        else b"no transaction\n"
        for n in range(LINES)
    )
    return Stored("transactions.csv", _HEADER + b"".join(lines))


def chunker(landing_format: str = "csv", max_chunks: int = 10) -> JobRequest:
    """Return a run that lands all complete lines."""
    sizes = ["--chunk-size", str(CHUNK), "--max-chunks", str(max_chunks)]
    arguments = ["--source", SOURCE_URL, "--lake", LAKE_URL, "--landing-format", landing_format, *sizes]
    return JobRequest("chunker", arguments)


def detector(landing_format: str = "csv") -> JobRequest:
    """Return a run over all lines, chunk by chunk, with compactions."""
    arguments = ["--lake", LAKE_URL, "--landing-format", landing_format, "--until-line", str(LINES)]
    thresholds = ["--threshold", "child_transactions=1,dei_female_customers=20,upgrade_merchant_transactions=20"]
    return JobRequest(
        "detector", [*arguments, "--max-chunks", "1", *thresholds], appends_between_compactions=2, beats=False
    )


def maintenance(landing_format: str = "csv") -> JobRequest:
    """Return a run without a retention period."""
    return JobRequest("maintain_state", ["--lake", LAKE_URL, "--landing-format", landing_format, "--keep-days", "0"])


@dataclass(frozen=True)
class Contents:
    """The contents of a lake without times and random names.

    Attributes:
        files: `offset.csv`, chunks, quarantine and detection files, by path.
        tables: the sorted rows of each Delta table as Arrow IPC, and its committed line.
    """

    files: dict[str, bytes]
    tables: dict[str, tuple[bytes, int | None]]

    def difference(self, expected: "Contents") -> str:
        """Describe the difference from the expected contents; return "" if there is none."""
        found, wanted = {**self.files, **self.tables}, {**expected.files, **expected.tables}
        names = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        return "; ".join(
            f"{name} is missing"
            if name not in found
            else f"{name} is unexpected"
            if name not in wanted
            else f"{name} differs"
            for name in names
        )


def contents(objects: Sequence[Stored]) -> Contents:
    """Read a lake from its objects; assert that the files of 50 match the table, times included."""
    files = {
        stored.key.removeprefix(f"{LAKE}/"): stored.data for stored in objects if stored.key.startswith(f"{LAKE}/")
    }
    with TemporaryDirectory(prefix="torture-lake-") as name:
        root = Path(name)
        for path, data in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        tables = {
            table.relative_to(root).as_posix(): _table(table, root) for table in sorted(_tables(root)) if table.is_dir()
        }
        detection_files = {path: data for path, data in files.items() if path.startswith("detections/")}
        if DETECTIONS in tables:
            _assert_files_match_the_table(root / DETECTIONS, detection_files)
    kept = {
        path: _without_time(path, data)
        for path, data in files.items()
        if path == "offset.csv" or path.startswith(("landing_zone/chunk_", "quarantine/"))
    }
    kept |= {f"detections/{path[-12:]}": _without_times(data) for path, data in detection_files.items()}
    return Contents(kept, tables)


def _tables(root: Path) -> list[Path]:
    return [log.parent for log in root.rglob("_delta_log")]


def _table(table: Path, root: Path) -> tuple[bytes, int | None]:
    delta = DeltaTable(table.as_uri())
    rows = delta.to_pyarrow_table()
    name = table.relative_to(root).as_posix()
    application = "detector" if name.startswith("state/") else "chunker"
    line = delta.transaction_version(application)
    if name == PAIRS:
        # Compare current totals: the superseded rows depend on when the table was compacted.
        rows = all_pair_rows(restore_state(rows.select(PAIRS_SCHEMA.names).cast(PAIRS_SCHEMA)), 0)
        rows = rows.sort_by([("merchant", "ascending"), ("customer", "ascending")])
    elif name == MERCHANTS:
        rows = rows.select(MERCHANTS_SCHEMA.names).cast(MERCHANTS_SCHEMA)
        rows = rows.sort_by([("line", "ascending"), ("merchant", "ascending")])
    elif name == DETECTIONS:
        rows = rows.select(DETECTIONS_SCHEMA.names).cast(DETECTIONS_SCHEMA).sort_by("seq")
        rows = rows.drop_columns(["YStartTime", "detectionTime"])
    else:
        rows = rows.sort_by("line")
    return _bytes(rows), line


def _bytes(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema.remove_metadata()) as out:
        out.write_table(rows.combine_chunks().replace_schema_metadata(None))
    return sink.getvalue()


def _assert_files_match_the_table(table: Path, files: dict[str, bytes]) -> None:
    rows = DeltaTable(table.as_uri()).to_pyarrow_table().select(DETECTIONS_SCHEMA.names).cast(DETECTIONS_SCHEMA)
    detections = parse_detection_rows(rows)
    full = [detections[at : at + 50] for at in range(0, len(detections) - len(detections) % 50, 50)]
    assert files == dict(map(detection_file, full)), "the files of 50 differ from state/detections"


def _without_time(path: str, data: bytes) -> bytes:
    return _without_column(data, ("updated_at",)) if path == "offset.csv" else data


def _without_times(data: bytes) -> bytes:
    return _without_column(data, ("YStartTime(IST)", "detectionTime(IST)"))


def _without_column(data: bytes, names: tuple[str, ...]) -> bytes:
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    return repr([{name: value for name, value in row.items() if name not in names} for row in rows]).encode()
