"""`state/detector_history.json`: how far landing and detecting were, one sample a minute, of the last 24 hours at most.

Detectors follow one another; each goes on with what the one before has left. Minutes without a detector have no sample.
"""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime

from spark_jobs.errors import HistoryUnreadableError

MINUTES = 24 * 60
# Of a detector that stands still for hours: more landed lines than these are thinned out, the oldest stays.
_WAITING_ENTRIES = 1024


@dataclass(frozen=True)
class Sample:
    """One minute.

    Attributes:
        minute: since 1970-01-01 UTC.
        landed_line, committed_line: at its end.
        lag_lines: landed and not committed, the most seen in this minute.
        lag_seconds: since the oldest line that is not committed was seen to be landed, the most in this minute.
    """

    minute: int
    landed_line: int
    committed_line: int
    lag_lines: int
    lag_seconds: float


_COLUMNS = [field.name for field in fields(Sample)]


class History:
    """Takes in what a heartbeat sees, and keeps one sample for each of the last `MINUTES` minutes that has one."""

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._samples = deque(samples, maxlen=MINUTES)
        # Landed lines with the time at which they were first seen, as far as they are not committed; oldest first.
        self._waiting: list[tuple[int, float]] = []

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All of them, oldest first; the last one is of a minute that may not be over."""
        return tuple(self._samples)

    def observe(self, now: datetime, landed_line: int, committed_line: int) -> bool:
        """Take in how far both are; return whether a minute has begun, so that the one before is complete."""
        seconds = now.timestamp()
        lag_seconds = self._lag_seconds(seconds, landed_line, committed_line)
        seen = Sample(
            int(seconds // 60), landed_line, committed_line, landed_line - committed_line, round(lag_seconds, 1)
        )
        last = self._samples[-1] if self._samples else None
        # A clock that was set back must not disorder the minutes.
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


def format_history(samples: Iterable[Sample]) -> bytes:
    """Return samples as JSON: the names of the columns, and one list a sample."""
    return json.dumps({"columns": _COLUMNS, "samples": [astuple(sample) for sample in samples]}).encode()


def parse_history(data: bytes, place: str) -> tuple[Sample, ...]:
    """Read what `format_history` wrote; `place` names the object in errors.

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
        msg = f"{place}: no history of a detector that is known here ({error!r}); delete it, a new one is begun"
        raise HistoryUnreadableError(msg) from error
