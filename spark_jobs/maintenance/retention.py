"""What the quarantine no longer needs: old, and below the committed line (of chunks: `Landing.expire`)."""

from datetime import datetime
from itertools import takewhile

from spark_jobs.lake.layout import QUARANTINE, quarantine_first_line
from spark_jobs.store.objects import Objects


def expire_quarantine(lake: Objects, committed_line: int, written_before: datetime) -> int:
    """Delete quarantined lines of chunks that are committed and were written before a time; return how many files."""
    old = takewhile(
        lambda found: quarantine_first_line(found.path) < committed_line and found.modified_at < written_before,
        lake.list_objects(QUARANTINE),
    )
    expired = [found.path for found in old]
    lake.delete(expired)
    return len(expired)
