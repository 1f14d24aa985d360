"""What the landing zone and the quarantine no longer need: old, and below the committed line."""

from datetime import datetime
from itertools import takewhile

from spark_jobs.core.names import QUARANTINE, quarantine_first_line
from spark_jobs.storage.landing import Landing
from spark_jobs.storage.objects import Objects


def expire_chunks(landing: Landing, committed_line: int, landed_before: datetime) -> int:
    """Delete chunks that the detector has committed and that were landed before a time; return how many."""
    return landing.expire(committed_line, landed_before)


def expire_quarantine(lake: Objects, committed_line: int, written_before: datetime) -> int:
    """Delete quarantined lines of such chunks; return how many files."""
    old = takewhile(
        lambda found: quarantine_first_line(found.path) < committed_line and found.modified_at < written_before,
        lake.list_objects(QUARANTINE),
    )
    expired = [found.path for found in old]
    lake.delete(expired)
    return len(expired)
