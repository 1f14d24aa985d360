"""Quarantined lines, as the chunker writes them: `line, reason, raw`."""

import csv
import io
from dataclasses import dataclass


@dataclass(frozen=True)
class QuarantinedLine:
    """A line of the master file that cannot be a transaction, and why."""

    line: int
    reason: str
    raw: str


def parse_quarantine(data: bytes) -> tuple[QuarantinedLine, ...]:
    """Read one quarantine file, in order of lines.

    Raises:
        ValueError: it is none.
    """
    header, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
    if header != ["line", "reason", "raw"]:
        msg = f"expected the columns line,reason,raw, found {','.join(header)}"
        raise ValueError(msg)
    return tuple(QuarantinedLine(int(line), reason, raw) for line, reason, raw in rows)
