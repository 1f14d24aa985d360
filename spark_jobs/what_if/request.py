"""What a what-if is asked for: the range of lines, from what the lake keeps, and its inputs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from spark_jobs.errors import ReplayError, WhatIfError
from spark_jobs.lake.found import read_committed_line
from spark_jobs.lake.landing import Landing
from spark_jobs.lake.recorded_settings import read_recorded_settings
from spark_jobs.lake.rules import published_versions
from spark_jobs.lake.start_lines import first_kept_chunk, first_start, nearest_start, verify_start
from spark_jobs.lake.what_if_request import WhatIfRequest
from spark_jobs.store.objects import Objects


@dataclass(frozen=True)
class Asked:
    """The range as the user gives it: exactly one of the two."""

    from_line: int | None = None
    last_hours: float | None = None

    def __str__(self) -> str:
        """Return it as on the command line."""
        return f"--from-line {self.from_line}" if self.last_hours is None else f"--last-hours {self.last_hours:g}"


def make_request(
    lake: Objects, landing: Landing, asked: Asked, rules: str, importance_etag: str, now: datetime
) -> WhatIfRequest:
    """Return a request up to the committed line.

    Raises:
        ReplayError: a what-if cannot begin there; names the nearest line at which it can.
        WhatIfError: nothing was committed in the range.
    """
    through = read_committed_line(lake)
    first_chunk = first_kept_chunk(landing, through)
    notes = []
    if first_chunk:
        notes.append(f"Chunks below line {first_chunk:,} have expired and cannot be replayed.")
    if asked.last_hours is None:
        line = asked.from_line or 0
        verify_start(lake, line, first_chunk)
    else:
        wanted = landing.first_line_since(now - timedelta(hours=asked.last_hours), through)
        line = _start_for(lake, wanted, first_chunk)
        if line != wanted:
            notes.append(
                f"{asked} begins at line {wanted:,}, whose state is not kept; the what-if begins at line {line:,}."
            )
    if line >= through:
        msg = f"{asked}: {lake.url} has no committed line from line {line} on; its committed line is {through}"
        raise WhatIfError(msg)
    return WhatIfRequest(
        asked=str(asked),
        rules=rules,
        importance_etag=importance_etag,
        from_line=line,
        through_line=through,
        newest_version=published_versions(lake),
        first_chunk_line=first_chunk,
        first_start_line=first_start(lake, first_chunk),
        notes=[*notes, *_importance_note(lake, importance_etag)],
        requested_at=now,
    )


def _start_for(lake: Objects, wanted: int, first_chunk: int) -> int:
    line = nearest_start(lake, wanted, first_chunk)
    if line is None:
        msg = f"{lake.url}: there is no line whose state and chunks are both kept, so a what-if cannot begin"
        raise ReplayError(msg)
    return line


def _importance_note(lake: Objects, etag: str) -> list[str]:
    recorded = read_recorded_settings(lake)
    if recorded is None or recorded.importance_etag == etag:
        return []
    return [
        f"The detector uses {_file(recorded.importance_etag)}, this what-if {_file(etag)}: patterns that compare"
        " mean_weight may differ for that reason alone."
    ]


def _file(etag: str) -> str:
    return f"the importance file with ETag {etag}" if etag else "no importance file"
