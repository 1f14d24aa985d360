"""Time series of the plots: at most 100 values over the last hour, six hours or day."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spark_jobs.lake.heartbeat_history import Sample

Times = NDArray[np.int64]

# Samples further apart have a gap between them: no detector was running.
_BREAK_MINUTES = 2


@dataclass(frozen=True)
class Span:
    """The minutes that a plot shows, and the minutes per value."""

    minutes: int
    step: int


# A new system's plots are not narrower than this.
_FEWEST_STEPS = 10

SPANS = {"1h": Span(60, 1), "6h": Span(360, 5), "24h": Span(1440, 15)}


@dataclass(frozen=True)
class Grid:
    """Equal time steps, in seconds since 1970; the last one contains the present."""

    start: int
    step: int
    count: int

    def slot(self, seconds: float) -> int:
        """Return the step that contains a time; outside of the grid it is negative, or at least `count`."""
        return math.floor((seconds - self.start) / self.step)


def grid(span: Span, now: datetime, first: float | None = None) -> Grid:
    """Return the steps of a span that ends now, shorter and finer if the first value, at `first`, is not that old."""
    if first is not None:
        # Room for one step before the first value.
        minutes = (now.timestamp() - first) / 60
        span = next((one for one in SPANS.values() if minutes + one.step <= one.minutes <= span.minutes), span)
        steps = min(span.minutes, max(_FEWEST_STEPS * span.step, minutes + 2 * span.step)) / span.step
        span = Span(math.ceil(steps) * span.step, span.step)
    step = span.step * 60
    end = (math.floor(now.timestamp()) // step + 1) * step
    count = span.minutes // span.step
    return Grid(end - count * step, step, count)


def lag_seconds(samples: Sequence[Sample], steps: Grid) -> list[float | None]:
    """Return the maximum lag of each step in seconds, None without samples."""
    seconds: list[float | None] = [None] * steps.count
    for sample in samples:
        at = steps.slot(sample.minute * 60)
        if 0 <= at < steps.count:
            seconds[at] = max(seconds[at] or 0.0, sample.lag_seconds)
    return seconds


def throughput(samples: Sequence[Sample], steps: Grid) -> tuple[list[int | None], list[int | None]]:
    """Return the mean lines landed and committed per minute of each step, None without samples.

    The last sample is left out, because its minute may not be over.
    """
    landed: list[list[float]] = [[] for _ in range(steps.count)]
    committed: list[list[float]] = [[] for _ in range(steps.count)]
    for before, sample in pairwise(samples[:-1]):
        at = steps.slot(sample.minute * 60)
        minutes = sample.minute - before.minute
        if not 0 <= at < steps.count or minutes > _BREAK_MINUTES:
            continue
        # A new lake starts again at line 0.
        landed[at].append(max(0, sample.landed_line - before.landed_line) / minutes)
        committed[at].append(max(0, sample.committed_line - before.committed_line) / minutes)
    return [_mean(values) for values in landed], [_mean(values) for values in committed]


def detections(times: Times, codes: NDArray[Any], patterns: Sequence[str], steps: Grid) -> dict[str, list[int]]:
    """Return the number of detections in each step by pattern.

    Args:
        times: of all detections, in seconds since 1970, shape (n,).
        codes: position of each detection's pattern in `patterns`, shape (n,).
    """
    slots = (times - steps.start) // steps.step
    within = (slots >= 0) & (slots < steps.count)
    counted = np.zeros((len(patterns), steps.count), dtype=np.int64)
    np.add.at(counted, (codes[within], slots[within]), 1)
    return {name: counted[code].tolist() for code, name in enumerate(patterns)}


def _mean(values: list[float]) -> int | None:
    return round(sum(values) / len(values)) if values else None
