"""The sensor that skips a chunker run if the master file has nothing new."""

import logging
import math
from dataclasses import asdict, dataclass
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.settings import load_settings
from spark_jobs.lake.offset import Offset, read_offset

# Before the first line is landed; low, so that a run may land too many chunks rather than too few.
_GUESSED_LINE_BYTES = 50


@dataclass(frozen=True)
class Backlog:
    """What is not landed yet.

    Attributes:
        landed_line: all lines below it are in the landing zone.
        bytes_behind: from the end of the landed part to the end of the master file.
        lines_behind: estimated from the mean length of the landed lines.
        chunks: how many chunks the next run may land.
    """

    landed_line: int
    bytes_behind: int
    lines_behind: int
    chunks: int


class OffsetSensor(BaseSensorOperator):
    """Compares the master file with `offset.csv` once, and returns the `Backlog`; without one the run is skipped.

    Size and ETag identify the version that was landed; if only the ETag differs, both ends of the landed part do. It
    does not wait, because the next run is due in seconds.
    """

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002 - the interface of sensors
        """Return the backlog.

        Raises:
            AirflowSkipException: there is nothing new.
            SourceMissingError: there is no master file.
            OffsetUnreadableError: `offset.csv` is damaged.
        """
        from orchestration.storage import Storage

        # It would say in each of 17,280 logs a day where the credentials are from.
        logging.getLogger("botocore.credentials").setLevel(logging.WARNING)
        settings = load_settings()
        storage = Storage(settings)
        master_file, stored = storage.master_file, read_offset(storage.lake)
        source, offset = master_file.head(), stored.offset if stored else None
        backlog = measure_backlog(offset, source.size, settings.chunk_size, settings.max_chunks_per_run)
        # A version that the chunker has not seen goes to the chunker, if only to be refused.
        known = offset is not None and (
            is_unchanged(offset, source.size, source.etag)
            or (source.size == offset.source_size and master_file.matches(offset))
        )
        if offset and known and not master_file.has_finished_line(offset.next_byte, source.size):
            msg = f"nothing new: line {backlog.landed_line} is landed, the master file has {source.size} bytes"
            raise AirflowSkipException(msg)
        found: dict[str, Any] = asdict(backlog)
        self.log.info("backlog: %s", found)
        return PokeReturnValue(is_done=True, xcom_value=found)


def is_unchanged(offset: Offset, size: int, etag: str) -> bool:
    """Return whether the master file is the very version for which `offset` was written."""
    return (offset.source_size, offset.source_etag) == (size, etag)


def measure_backlog(offset: Offset | None, size: int, chunk_size: int, max_chunks: int) -> Backlog:
    """Return the backlog of a master file of `size` bytes; `offset` is None before the first chunk.

    A file that shrank has no backlog; the chunker refuses it.
    """
    landed, landed_bytes = (offset.next_line, offset.next_byte) if offset else (0, 0)
    behind = max(0, size - landed_bytes)
    line_bytes = landed_bytes / landed if landed else _GUESSED_LINE_BYTES
    lines = math.ceil(behind / line_bytes)
    return Backlog(landed, behind, lines, min(max_chunks, max(1, math.ceil(lines / chunk_size))))
