"""`state/detector_history.json`: landed and committed lines, one sample a minute for at most the last 24 hours.

Each detector continues the history of the one before; minutes without a detector have no sample.
"""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING

from spark_jobs.errors import HistoryUnreadableError
from spark_jobs.lake.layout import HISTORY

if TYPE_CHECKING:
    from spark_jobs.store.objects import Objects

MINUTES = 24 * 60
# While the detector stands still, more landed lines than these are thinned out; the oldest stays.
_WAITING_ENTRIES = 1024


@dataclass(frozen=True)
class Sample:
    """One minute.

    Attributes:
        minute: since 1970-01-01 UTC.
        landed_line, committed_line: at its end.
        lag_lines: landed but not committed lines, the maximum of this minute.
        lag_seconds: seconds since the oldest uncommitted line was first seen landed, the maximum of this minute.
    """

    minute: int
    landed_line: int
    committed_line: int
    lag_lines: int
    lag_seconds: float


_COLUMNS = [field.name for field in fields(Sample)]


class History:
    """Collects observations into one sample a minute, and keeps the last `MINUTES` minutes."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._samples = deque(samples, maxlen=MINUTES)
        # Uncommitted landed lines with the time each was first seen; oldest first.
        self._waiting: list[tuple[int, float]] = []

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All samples, oldest first; the minute of the last one may not be over."""
        return tuple(self._samples)

    def observe(self, now: datetime, landed_line: int, committed_line: int) -> bool:
        """Record both lines; return whether a new minute has begun, so that the one before is complete."""
        seconds = now.timestamp()
        lag_seconds = self._lag_seconds(seconds, landed_line, committed_line)
        seen = Sample(
            int(seconds // 60), landed_line, committed_line, landed_line - committed_line, round(lag_seconds, 1)
        )
        last = self._samples[-1] if self._samples else None
        # A clock that was set back must not reorder the minutes.
        if last is None or seen.minute > last.minute:
            while self._samples and self._samples[0].minute <= seen.minute - MINUTES:
                self._samples.popleft()
            self._samples.append(seen)
            return True
        self._samples[-1] = replace(
            seen,
            minute=last.minute,
            lag_lines=max(last.lag_lines, seen.lag_lines),
            lag_seconds=max(last.lag_seconds, seen.lag_seconds),
        )
        return False

    def _lag_seconds(self, now: float, landed_line: int, committed_line: int) -> float:
        self._waiting = [entry for entry in self._waiting if entry[0] > committed_line]
        if landed_line > max(committed_line, self._waiting[-1][0] if self._waiting else 0):
            self._waiting.append((landed_line, now))
        if len(self._waiting) > _WAITING_ENTRIES:
            self._waiting = self._waiting[::2]
        return max(0.0, now - self._waiting[0][1]) if self._waiting else 0.0


def read_history(lake: "Objects") -> tuple[Sample, ...]:
    """Return the lake's history, oldest first.

    Raises:
        HistoryUnreadableError: it is not what a detector writes.
    """
    stored = lake.find(HISTORY)
    return parse_history(stored.data, lake.place(HISTORY)) if stored else ()


def write_history(lake: "Objects", samples: Iterable[Sample]) -> None:
    """Write the lake's history."""
    lake.write(HISTORY, format_history(samples))


def format_history(samples: Iterable[Sample]) -> bytes:
    """Return samples as JSON: the column names, and one list per sample."""
    return json.dumps({"columns": _COLUMNS, "samples": [astuple(sample) for sample in samples]}).encode()


def parse_history(data: bytes, place: str) -> tuple[Sample, ...]:
    """Parse what `format_history` returns; `place` names the object in errors.

    Raises:
        HistoryUnreadableError: it is something else.
    """
    try:
        content = json.loads(data)
        if content["columns"] != _COLUMNS:
            msg = f"columns {content['columns']}"
            raise ValueError(msg)
        return tuple(
            Sample(int(minute), int(landed), int(committed), int(lines), float(seconds))
            for minute, landed, committed, lines, seconds in content["samples"]
        )
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{place}: not a history of this release ({error!r}); delete it, and the detector starts a new one"
        raise HistoryUnreadableError(msg) from error
