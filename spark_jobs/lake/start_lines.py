"""The lines at which a replay or a what-if can begin: those whose state and whose chunk are both kept."""

from collections.abc import Callable
from typing import TypeVar

from spark_jobs.errors import ReplayError
from spark_jobs.lake.landing import Landing
from spark_jobs.lake.past_state import Neighbours, find_kept_lines
from spark_jobs.store.objects import Objects

_State = TypeVar("_State")


def first_kept_chunk(landing: Landing, landed_line: int) -> int:
    """Return the first line of the oldest chunk that is kept; the landed line if there is none."""
    return next(iter(landing.first_lines(0, 1)), landed_line)


def first_start(lake: Objects, first_chunk: int) -> int | None:
    """Return the first line at which one can begin, given the oldest chunk; None if there is none."""
    if first_chunk == 0:
        return 0
    kept = find_kept_lines(lake, first_chunk)
    return first_chunk if kept.below == first_chunk else kept.above


def nearest_start(lake: Objects, line: int, first_chunk: int) -> int | None:
    """Return the last line at or below `line` at which one can begin, or else the first above; None if there is none.

    Args:
        lake: the lake.
        line: any line from the oldest chunk on.
        first_chunk: the first line of the oldest chunk.
    """
    kept = find_kept_lines(lake, line)
    below = _below(kept, first_chunk)
    return kept.above if below is None or below < first_chunk else below


def read_start(
    lake: Objects, line: int, first_chunk: int, read: Callable[[Objects, int], _State | Neighbours]
) -> _State:
    """Return the state as of a line that is above 0, or whose chunk has expired.

    Args:
        lake: the lake.
        line: where to begin.
        first_chunk: the first line of the oldest chunk.
        read: reads the state, as `read_state_at` does.

    Raises:
        ReplayError: the state or the chunk of that line is not kept; names the nearest line of which both are.
    """
    if line < first_chunk:
        nearest = first_start(lake, first_chunk)
        msg = f"--from-line {line}: the chunks of {lake.url} below line {first_chunk} have expired; {_advice(nearest)}"
        raise ReplayError(msg)
    found = read(lake, line)
    if not isinstance(found, Neighbours):
        return found
    kept = [near for near in (_below(found, first_chunk), found.above) if near is not None and near >= first_chunk]
    nearest = min(kept, key=lambda near: abs(near - line), default=None)
    msg = f"--from-line {line}: {lake.url} keeps no state of this line; {_advice(nearest)}"
    raise ReplayError(msg)


def _below(kept: Neighbours, first_chunk: int) -> int | None:
    # Line 0 needs no state.
    return 0 if kept.below is None and first_chunk == 0 else kept.below


def _advice(nearest: int | None) -> str:
    if nearest is None:
        return "there is no line whose state and chunks are both kept"
    return f"the nearest line whose state and chunks are kept is {nearest}"
