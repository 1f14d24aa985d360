"""The lake as the DAGs read it: a few small requests to S3, by Airflow's own hook."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.config import Config
from botocore.exceptions import ClientError

from orchestration.settings import Settings
from spark_jobs.lake import layout
from spark_jobs.lake.heartbeat import Heartbeat, parse_heartbeat
from spark_jobs.lake.heartbeat_history import parse_history
from spark_jobs.lake.offset import CHECKED_BYTES, Offset, has_same_ends, parse_offset
from spark_jobs.lake.quarantine import count_quarantined
from spark_jobs.store.address import parse_address

# No transaction is longer; what is behind is beyond doubt where more than this is.
_LONGEST_LINE = 1 << 16


class SourceMissingError(RuntimeError):
    """Raised where there is no master file; the message names it."""


@dataclass(frozen=True)
class SourceFile:
    """The master file as it is now: bytes, ETag, and when it was last replaced."""

    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True)
class Listed:
    """An object in a listing: its path under the lake, and when it was written."""

    path: str
    modified_at: datetime


class Lake:
    """Reads what chunker and detector left. Every method raises botocore's errors where S3 fails.

    Args:
        client_config: of the S3 client, such as how patient it is; None for the connection's own.
    """

    def __init__(self, settings: Settings, client_config: Config | None = None) -> None:
        self._s3: Any = S3Hook(aws_conn_id=settings.aws_connection or None, config=client_config).get_conn()
        self._source = settings.source
        self._url = settings.lake.rstrip("/")

    def source(self) -> SourceFile:
        """Return the master file.

        Raises:
            SourceMissingError: there is none.
        """
        bucket, key = _parts(self._source)
        try:
            found = self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NotFound"):
                raise
            msg = f"{self._source} does not exist; upload it, or correct the setting `source`"
            raise SourceMissingError(msg) from error
        return SourceFile(found["ContentLength"], found["ETag"], found["LastModified"])

    def has_finished_line(self, start: int, size: int) -> bool:
        """Return whether the master file has a whole line from byte `start` on."""
        if size <= start:
            return False
        if size - start > _LONGEST_LINE:
            return True
        return b"\n" in self._source_range(start, size)

    def has_same_ends(self, offset: Offset) -> bool:
        """Return whether the master file's already-read part is still the one that `offset` was written of.

        It is told by its ends, as the chunker does: two ranged requests.
        """
        head = self._source_range(0, min(CHECKED_BYTES, offset.next_byte))
        tail = self._source_range(max(0, offset.next_byte - CHECKED_BYTES), offset.next_byte)
        return has_same_ends(offset, head, tail)

    def offset(self) -> Offset | None:
        """Return `offset.csv`, None before the chunker's first run."""
        data = self.find(layout.OFFSET)
        return parse_offset(data, f"{self._url}/{layout.OFFSET}") if data is not None else None

    def heartbeat(self) -> Heartbeat | None:
        """Return the detector's heartbeat, None before its first."""
        data = self.find(layout.HEARTBEAT)
        return parse_heartbeat(data, f"{self._url}/{layout.HEARTBEAT}") if data is not None else None

    def landed_at(self, line: int) -> datetime | None:
        """Return when the first chunk from `line` on was landed, None where there is none.

        In a Delta table chunks have no file of their own name; there it is the minute in which the detector saw it, or,
        where it has seen none, the time at which the chunker landed the latest.
        """
        after = layout.chunk_path(line).removesuffix(".csv")
        found = next(self.list_after(layout.LANDING_ZONE, after), None)
        if found is None or layout.is_chunk(found.path):
            return found.modified_at if found else None
        offset = self.offset()
        if offset is None or offset.next_line <= line:
            return None
        data = self.find(layout.HISTORY)
        samples = parse_history(data, f"{self._url}/{layout.HISTORY}") if data is not None else ()
        minute = next((sample.minute for sample in samples if sample.landed_line > line), None)
        if minute is None:
            return datetime.fromisoformat(offset.updated_at)
        return datetime.fromtimestamp(minute * 60, UTC)

    def quarantined_lines(self, first: int) -> int:
        """Return how many lines from `first` on are in quarantine."""
        after = layout.quarantine_path(first).removesuffix(".csv")
        bodies = (self.find(entry.path) or b"" for entry in self.list_after(layout.QUARANTINE, after))
        return sum(map(count_quarantined, bodies))

    def list_after(self, folder: str, after: str) -> Iterator[Listed]:
        """Yield what lies in a folder and sorts after a path, in order; a page is fetched as it is needed."""
        lake = parse_address(self._url)
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=lake.bucket, Prefix=lake.key(f"{folder}/"), StartAfter=lake.key(after)
        )
        for page in pages:
            for entry in page.get("Contents", []):
                yield Listed(entry["Key"].removeprefix(lake.key("")), entry["LastModified"])

    def find(self, path: str) -> bytes | None:
        """Return a whole object under the lake, None where there is none."""
        try:
            return self._read(parse_address(self._url).key(path))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def _source_range(self, start: int, end: int) -> bytes:
        bucket, key = _parts(self._source)
        return bytes(self._s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}")["Body"].read())

    def _read(self, key: str) -> bytes:
        bucket, _ = _parts(self._url)
        return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _parts(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path.strip("/")
