"""Progress display of `make run`: a live table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

_SECONDS_BETWEEN_LINES = 2.0


@dataclass(frozen=True)
class Status:
    """Progress of the pipeline.

    Attributes:
        total: transactions of the master file.
        rows_per_second: committed, averaged over the run.
        detections: number of detections by pattern id.
        waiting: detections that do not fill a file yet.
        seconds: since the run began.
        is_up: whether the detector has started.
    """

    total: int
    landed_line: int = 0
    committed_line: int = 0
    rows_per_second: float = 0.0
    detections: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    seconds: float = 0.0
    is_up: bool = False

    @property
    def lag(self) -> int:
        """Lines that are landed but not committed."""
        return max(0, self.landed_line - self.committed_line)

    @property
    def is_complete(self) -> bool:
        """Whether the whole master file is committed."""
        return self.total == self.landed_line == self.committed_line

    def line(self) -> str:
        """Return the status as one line of text."""
        found = "  ".join(f"{name} {count:,}" for name, count in sorted(self.detections.items())) or "none yet"
        return (
            f"landed {self.landed_line:>9,}  committed {self.committed_line:>9,} of {self.total:,}"
            f"  lag {self.lag:>8,}  {self.rows_per_second:>8,.0f} rows/s  detections: {found}"
        )

    def table(self) -> Table:
        """Return the status as a table."""
        table = Table("", title="transaction patterns", title_justify="left")
        table.add_column("lines", justify="right")
        table.add_column("of the file", justify="right")
        for name, line in (("landed", self.landed_line), ("committed", self.committed_line)):
            table.add_row(name, f"{line:,}", f"{line / max(self.total, 1):.1%}")
        table.add_row("lag", f"{self.lag:,}", "")
        table.add_row("rows per second", f"{self.rows_per_second:,.0f}", "")
        for name, count in sorted(self.detections.items()):
            table.add_row(f"detections {name}", f"{count:,}", "")
        return table


class Display:
    """Shows one status after another: on a terminal in place, elsewhere as a line every two seconds if it changed."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=5) if console.is_terminal else None
        self._lines = (-1, -1)
        self._shown_at = -_SECONDS_BETWEEN_LINES
        if self._live:
            self._live.start()

    def show(self, status: Status) -> None:
        """Show the current status."""
        lines, now = (status.landed_line, status.committed_line), time.monotonic()
        if self._live:
            self._live.update(status.table())
        elif lines != self._lines and now - self._shown_at >= _SECONDS_BETWEEN_LINES:
            print(status.line(), flush=True)
            self._lines, self._shown_at = lines, now

    def close(self) -> None:
        """Leave the last status on the screen."""
        if self._live:
            self._live.stop()
