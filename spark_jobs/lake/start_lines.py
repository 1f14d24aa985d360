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


def verify_start(lake: Objects, line: int, first_chunk: int) -> None:
    """Verify that one can begin at a line.

    Raises:
        ReplayError: its state or its chunk is not kept; names the nearest line of which both are.
    """
    if line == first_chunk == 0:
        return
    kept = find_kept_lines(lake, line)
    if line < first_chunk or kept.below != line:
        raise _refusal(lake, line, first_chunk, kept)


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
        ReplayError: as `verify_start` does.
    """
    found = read(lake, line) if line >= first_chunk else find_kept_lines(lake, line)
    if isinstance(found, Neighbours):
        raise _refusal(lake, line, first_chunk, found)
    return found


def _refusal(lake: Objects, line: int, first_chunk: int, kept: Neighbours) -> ReplayError:
    if line < first_chunk:
        nearest = first_start(lake, first_chunk)
        problem = f"the chunks of {lake.url} below line {first_chunk} have expired"
    else:
        both = [near for near in (_below(kept, first_chunk), kept.above) if near is not None and near >= first_chunk]
        nearest = min(both, key=lambda near: abs(near - line), default=None)
        problem = f"{lake.url} keeps no state of this line"
    advice = (
        "there is no line whose state and chunks are both kept"
        if nearest is None
        else f"the nearest line whose state and chunks are kept is {nearest}"
    )
    return ReplayError(f"--from-line {line}: {problem}; {advice}")


def _below(kept: Neighbours, first_chunk: int) -> int | None:
    # Line 0 needs no state.
    return 0 if kept.below is None and first_chunk == 0 else kept.below
