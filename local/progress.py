"""What `make run` shows: a live display on a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

_SECONDS_BETWEEN_LINES = 2.0


@dataclass(frozen=True)
class Status:
    """Where the pipeline is.

    Attributes:
        total: transactions of the master file.
        rows_per_second: committed, over the whole run.
        detections: by pattern id.
        waiting: detections that wait for their file to be full.
        seconds: since the run began.
    """

    total: int
    landed_line: int = 0
    committed_line: int = 0
    rows_per_second: float = 0.0
    detections: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    seconds: float = 0.0

    @property
    def lag(self) -> int:
        """Lines landed and not yet committed."""
        return max(0, self.landed_line - self.committed_line)

    def line(self) -> str:
        """Return all of it in one line."""
        found = "  ".join(f"{name} {count:,}" for name, count in sorted(self.detections.items())) or "none yet"
        return (
            f"landed {self.landed_line:>9,}  committed {self.committed_line:>9,} of {self.total:,}"
            f"  lag {self.lag:>8,}  {self.rows_per_second:>8,.0f} rows/s  detections: {found}"
        )


class Display(Protocol):
    """Shows one status after another."""

    def show(self, status: Status) -> None:
        """Show where the pipeline is now."""
        ...

    def close(self) -> None:
        """Leave the last status on the screen."""
        ...


class PlainLines:
    """A line when something changed, at most one every two seconds."""

    def __init__(self) -> None:
        self._shown: Status | None = None
        self._at = -_SECONDS_BETWEEN_LINES

    def show(self, status: Status) -> None:
        """See `Display`."""
        now = time.monotonic()
        before = self._shown
        moved = before is None or (before.landed_line, before.committed_line) != (
            status.landed_line,
            status.committed_line,
        )
        if moved and now - self._at >= _SECONDS_BETWEEN_LINES:
            print(status.line(), flush=True)
            self._shown, self._at = status, now

    def close(self) -> None:
        """See `Display`."""


class LiveTable:
    """A table that is drawn in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=5)
        self._live.start()

    def show(self, status: Status) -> None:
        """See `Display`."""
        table = Table(title="transaction patterns", title_justify="left")
        for column in ("", "lines", "of the file"):
            table.add_column(column, justify="left" if not column else "right")
        for name, line in (("landed", status.landed_line), ("committed", status.committed_line)):
            table.add_row(name, f"{line:,}", f"{line / max(status.total, 1):.1%}")
        table.add_row("lag", f"{status.lag:,}", "")
        table.add_row("rows per second", f"{status.rows_per_second:,.0f}", "")
        for name, count in sorted(status.detections.items()):
            table.add_row(f"detections {name}", f"{count:,}", "")
        self._live.update(table)

    def close(self) -> None:
        """See `Display`."""
        self._live.stop()


def open_display(console: Console) -> Display:
    """Return the display that fits where the output goes."""
    return LiveTable(console) if console.is_terminal else PlainLines()
