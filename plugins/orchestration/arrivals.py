"""How old the oldest transaction is that is not landed, found by looking at the master file now and then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# A file that grows all the time while nothing is landed: a day of looks, one a minute.
_MOST = 1440


@dataclass(frozen=True)
class Arrival:
    """The master file had so many bytes, the last of which came at that time."""

    size: int
    at: datetime


def note_arrival(noted: Sequence[Arrival], size: int, modified_at: datetime, next_byte: int) -> tuple[Arrival, ...]:
    """Return the arrivals that are not landed, with what a look found now.

    The first of them is of the oldest transaction that waits: it came at that time, or before, but not before the look
    that came before. Of too many the oldest stays.

    Args:
        noted: what this returned at the last look.
        size, modified_at: of the master file now.
        next_byte: where the landed part ends.
    """
    waiting = [arrival for arrival in noted if next_byte < arrival.size < size]
    same = [arrival for arrival in noted if arrival.size == size]
    found = (*waiting, *(same[:1] or [Arrival(size, modified_at)]))
    return found if len(found) <= _MOST else found[::2]


def format_arrivals(arrivals: Sequence[Arrival]) -> list[list[Any]]:
    """Return arrivals as JSON has them."""
    return [[arrival.size, arrival.at.isoformat()] for arrival in arrivals]


def parse_arrivals(values: Sequence[Sequence[Any]]) -> tuple[Arrival, ...]:
    """Read what `format_arrivals` returned."""
    return tuple(Arrival(int(size), datetime.fromisoformat(at)) for size, at in values)
