"""How far the chunker is behind the master file, and how many chunks its next run may land."""

import math
from dataclasses import dataclass

from spark_jobs.lake.offset import Offset

# Of a line before the first is landed: rather too short, so that a run may land too many chunks than too few.
_BYTES_A_LINE = 50


@dataclass(frozen=True)
class Backlog:
    """What is not landed yet.

    Attributes:
        landed_line: all lines below it are in the landing zone.
        bytes_behind: from where the landed part ends to the end of the master file.
        lines_behind: estimated from the mean length of the lines landed so far.
        chunks: how many the next run may land.
    """

    landed_line: int
    bytes_behind: int
    lines_behind: int
    chunks: int


def is_unchanged(offset: Offset, size: int, etag: str) -> bool:
    """Return whether the master file is the very object that the chunker saw last: there is news only if it left lines.

    One of the same size with another ETag may be the same file, put again: its ends tell (`Lake.has_same_ends`).
    """
    return (offset.source_size, offset.source_etag) == (size, etag)


def measure_backlog(offset: Offset | None, size: int, chunk_size: int, max_chunks: int) -> Backlog:
    """Return what is not landed of a master file of `size` bytes; `offset` is None before the first run.

    A file that became shorter has a backlog of no bytes: the chunker says what is wrong with it.
    """
    landed, landed_bytes = (offset.next_line, offset.next_byte) if offset else (0, 0)
    behind = max(0, size - landed_bytes)
    line_bytes = landed_bytes / landed if landed else _BYTES_A_LINE
    lines = math.ceil(behind / line_bytes)
    return Backlog(landed, behind, lines, min(max_chunks, max(1, math.ceil(lines / chunk_size))))
