"""`state/lease.json`: the right to commit to a state that Spark writes, held by one detector at a time.

On plain S3 Spark's Delta does not exclude two drivers: it checks whether a log entry exists, and then writes it. The
lease does, by conditional writes. Its holder renews it, and stops committing when it has not been able to for half of
the lease's time. Another detector takes it once it has not been renewed for all of that time, by that detector's own
clock (docs/decisions/0009).
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from logging import Logger
from uuid import uuid4

from spark_jobs.errors import PipelineError, SecondDetectorError, StorageError
from spark_jobs.lake.layout import LEASE
from spark_jobs.store.objects import Objects

LEASE_SECONDS = 20.0
_RENEWALS = 5
_SECONDS_BETWEEN_POLLS = 1.0


@dataclass(frozen=True)
class _Record:
    """The content of the object: who holds the lease ("" for nobody), and how often it was renewed."""

    holder: str
    renewed: int

    def format(self) -> bytes:
        return json.dumps(asdict(self)).encode()


class Lease:
    """The lease of a lake; `holding` acquires, renews and releases it."""

    def __init__(self, lake: Objects, log: Logger, seconds: float = LEASE_SECONDS) -> None:
        self._lake = lake
        self._log = log
        self._seconds = seconds
        self._record = _Record(uuid4().hex, 0)
        self._etag = ""
        self._renewed_at = 0.0
        self._lost = False
        self._stopping = threading.Event()

    @contextmanager
    def holding(self) -> Iterator["Lease"]:
        """Hold the lease; after a kill of its last holder, this waits until it has expired.

        Raises:
            SecondDetectorError: another detector holds it.
            StorageError: the store failed.
        """
        self._acquire()
        thread = threading.Thread(target=self._renew_until_stopped, name="lease", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            thread.join()
            self._release()

    def verify(self) -> None:
        """Verify that the lease is still held for long enough to commit.

        Raises:
            SecondDetectorError: another detector has taken it.
            StorageError: it could not be renewed in time.
        """
        if self._lost:
            raise self._second()
        if time.monotonic() - self._renewed_at > self._seconds / 2:
            msg = (
                f"{self._lake.place(LEASE)} could not be renewed for {self._seconds / 2:g} s, so nothing more is"
                " committed; check the store's health, and start again"
            )
            raise StorageError(msg)

    def _acquire(self) -> None:
        seen, since = "", time.monotonic()
        while True:
            began = time.monotonic()
            stored = self._lake.find(LEASE)
            if stored is None:
                taken = self._lake.create(LEASE, self._record.format())
            elif not _parse(stored.data).holder or (began - since >= self._seconds and stored.etag == seen):
                taken = self._lake.replace(LEASE, self._record.format(), stored.etag)
            elif seen and stored.etag != seen:
                raise self._second()
            else:
                seen = stored.etag
                time.sleep(_SECONDS_BETWEEN_POLLS)
                continue
            if not self._confirm(began) and taken:
                raise self._second()
            if self._etag:
                return

    def _confirm(self, began: float) -> bool:
        """Return whether the stored lease is held by this one; a lost response may hide that."""
        stored = self._lake.find(LEASE)
        if stored is None or _parse(stored.data).holder != self._record.holder:
            return False
        self._etag = stored.etag
        if stored.data == self._record.format():
            self._renewed_at = began
        return True

    def _renew_until_stopped(self) -> None:
        while not self._stopping.wait(self._seconds / 2 / _RENEWALS):
            try:
                if not self._renew():
                    self._lost = True
                    return
            except PipelineError as error:
                self._log.warning("lease not renewed", extra={"fields": {"error": str(error)}})

    def _renew(self) -> bool:
        began = time.monotonic()
        self._record = replace(self._record, renewed=self._record.renewed + 1)
        self._lake.replace(LEASE, self._record.format(), self._etag)
        return self._confirm(began)

    def _release(self) -> None:
        if self._lost:
            return
        try:
            self._lake.replace(LEASE, replace(self._record, holder="").format(), self._etag)
        except PipelineError as error:
            # The next detector waits until it has expired.
            self._log.warning("lease not released", extra={"fields": {"error": str(error)}})

    def _second(self) -> SecondDetectorError:
        msg = f"{self._lake.place(LEASE)}: a second detector runs on {self._lake.url}; stop one of them"
        return SecondDetectorError(f"{msg}, nothing was lost or duplicated")


def _parse(data: bytes) -> _Record:
    try:
        found = json.loads(data)
        return _Record(str(found["holder"]), int(found["renewed"]))
    except (ValueError, KeyError, TypeError):
        # Waited out like that of a killed detector.
        return _Record("?", 0)
