"""The lake's objects with a limit on every read: no file may fill the memory of Airflow's API server."""

from collections.abc import Iterator, Mapping

from spark_jobs.errors import (
    HeartbeatUnreadableError,
    HistoryUnreadableError,
    OffsetUnreadableError,
    PermanentError,
    PipelineError,
)
from spark_jobs.lake.layout import HEARTBEAT, HISTORY, OFFSET, QUARANTINE
from spark_jobs.lake.quarantine import HEAD_BYTES, stored_count
from spark_jobs.store.objects import ListedObject, Objects, StoredObject

# The largest object that is read whole; the detector's history, the largest of them, has 80 kB.
OBJECT_BYTES = 4 << 20
# What is read of one quarantine file, and of all of them in one poll.
QUARANTINE_BYTES = 1 << 20
POLL_BYTES = 16 << 20
POLL_FILES = 500

_HEADER_BYTES = 1024


class TooLargeError(PermanentError):
    """Raised when an object is larger than anything the pipeline writes; the message names it and its size."""


_ERRORS: Mapping[str, type[PipelineError]] = {
    OFFSET: OffsetUnreadableError,
    HEARTBEAT: HeartbeatUnreadableError,
    HISTORY: HistoryUnreadableError,
}


class CappedObjects(Objects):
    """Objects with a limit on the bytes read; of a larger quarantine file, the last lines.

    Attributes:
        capped: the quarantine files whose lines were not all counted, since `start_poll`; the caller may forget some.
        quarantine_after: quarantine files up to this path are not listed, if the reader asks for all of them.
    """

    def __init__(self, whole: Objects) -> None:
        self.__dict__.update(vars(whole))
        self.capped: set[str] = set()
        self.quarantine_after = ""
        self.start_poll()

    def start_poll(self) -> None:
        """Allow as much reading of quarantine files as one poll may do."""
        self._bytes_left = POLL_BYTES
        self._files_left = POLL_FILES

    def find(self, path: str) -> StoredObject | None:
        """Return the object, or None if it does not exist; of a large quarantine file the header and the last lines.

        Raises:
            TooLargeError, or an error of the object's own reader: it is too large.
        """
        if path.startswith(f"{QUARANTINE}/"):
            return self._find_quarantine(path)
        stored = self.find_range(path, 0, OBJECT_BYTES)
        if stored is not None and stored.size > len(stored.data):
            sizes = f"{stored.size:,} bytes, and the page reads at most {OBJECT_BYTES:,} of one object"
            msg = f"{self.place(path)} has {sizes}; restore its last good version"
            raise _ERRORS.get(path, TooLargeError)(msg)
        return stored

    def list_objects(self, prefix: str, after: str = "") -> Iterator[ListedObject]:
        """Yield objects as `Objects` does, but quarantine files only after `quarantine_after`."""
        return super().list_objects(prefix, max(after, self.quarantine_after) if prefix == QUARANTINE else after)

    def _find_quarantine(self, path: str) -> StoredObject | None:
        limit = min(QUARANTINE_BYTES, self._bytes_left) if self._files_left > 0 else 0
        self._files_left -= 1
        stored = self.find_range(path, 0, max(limit, _HEADER_BYTES))
        if stored is None or stored.size <= len(stored.data):
            self._bytes_left -= len(stored.data) if stored else 0
            return stored
        if stored_count(stored.data[:HEAD_BYTES]) is None:
            self.capped.add(path)
        header, _, _ = stored.data.partition(b"\n")
        lines = b""
        if limit > _HEADER_BYTES:
            # Lines end at newlines, which quoted text does not contain.
            tail = self.find_range(path, stored.size - limit, stored.size, stored.etag)
            _, _, lines = tail.data.partition(b"\n") if tail else (b"", b"", b"")
            self._bytes_left -= 2 * limit
        return StoredObject(header + b"\n" + lines, stored.size, stored.etag, stored.modified_at)
