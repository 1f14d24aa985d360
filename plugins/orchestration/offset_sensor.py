"""The sensor that lets a chunker run begin only where the master file has something new."""

from dataclasses import asdict
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.backlog import is_unchanged, measure_backlog
from orchestration.lake import Lake, SourceFile
from orchestration.load_settings import load_settings
from spark_jobs.lake.offset import Offset


class OffsetSensor(BaseSensorOperator):
    """Compares the master file with `offset.csv` once, by size and ETag; by its ends where the ETag alone is another.

    Returns the backlog (see `Backlog`) as XCom; where there is none the run is skipped. It does not wait: the next
    run is due in seconds.
    """

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002 - the interface of sensors
        """Return the backlog.

        Raises:
            AirflowSkipException: there is nothing new.
            SourceMissingError: there is no master file.
            OffsetUnreadableError: `offset.csv` is damaged.
        """
        settings = load_settings()
        lake = Lake(settings)
        source, offset = lake.source(), lake.offset()
        backlog = measure_backlog(offset, source.size, settings.chunk_size, settings.max_chunks_per_run)
        if (
            offset is not None
            and _is_known(lake, offset, source)
            and not lake.has_finished_line(offset.next_byte, source.size)
        ):
            raise AirflowSkipException(f"nothing new: line {backlog.landed_line} is landed, {source.size} bytes seen")
        found: dict[str, Any] = asdict(backlog)
        self.log.info("behind: %s", found)
        return PokeReturnValue(is_done=True, xcom_value=found)


def _is_known(lake: Lake, offset: Offset, source: SourceFile) -> bool:
    """Return whether the chunker has seen this file: where it has not, it must, be it to say what is wrong."""
    if is_unchanged(offset, source.size, source.etag):
        return True
    return source.size == offset.source_size and lake.has_same_ends(offset)
