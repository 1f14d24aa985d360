"""The landing zone: chunks by their first line, as CSV files or in a Delta table."""

from dataclasses import dataclass

from spark_jobs.errors import LandingZoneError
from spark_jobs.lake.landing_csv import CsvLanding
from spark_jobs.lake.landing_delta import DeltaLanding
from spark_jobs.lake.layout import LANDING_ZONE
from spark_jobs.store.objects import Objects

# Both have the same methods, which `CsvLanding` documents.
Landing = CsvLanding | DeltaLanding


@dataclass(frozen=True)
class Chunk:
    """Lines `[first, end)`."""

    first: int
    end: int


def open_landing(landing_format: str, lake: Objects) -> Landing:
    """Open the landing zone of a lake; the format is `csv` or `delta`."""
    return DeltaLanding(lake.place(LANDING_ZONE)) if landing_format == "delta" else CsvLanding(lake)


def list_chunks(landing: Landing, lake_url: str, start: int, end: int, most: int | None = None) -> list[Chunk]:
    """Return at most `most` chunks from line `start` to line `end`, which has landed and ends a chunk.

    Raises:
        LandingZoneError: there is a gap at `start`; one further on is found when its chunks are read.
    """
    firsts = [first for first in landing.first_lines(start, most + 1 if most else end - start + 1) if first < end]
    if not firsts or firsts[0] != start:
        found = f"the next chunk is at line {firsts[0]}" if firsts else "there is no further chunk"
        msg = (
            f"{lake_url}/{LANDING_ZONE}: a gap at line {start}, {found}, but offset.csv says that all lines"
            f" below {end} have landed; restore the missing chunk from the bucket's versions"
        )
        raise LandingZoneError(msg)
    return [Chunk(first, after) for first, after in zip(firsts, [*firsts[1:], end], strict=True)][:most]
