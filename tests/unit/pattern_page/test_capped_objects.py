"""Reads of the lake have limits, whatever lies there."""

import csv
import io
from collections.abc import Callable

import pytest

from local.s3 import LocalS3
from pattern_page import capped_objects
from pattern_page.capped_objects import CappedObjects, TooLargeError
from spark_jobs.errors import HeartbeatUnreadableError, HistoryUnreadableError, OffsetUnreadableError
from spark_jobs.lake.layout import HEARTBEAT, HISTORY, OFFSET, quarantine_path
from spark_jobs.lake.quarantine import HEAD_BYTES, QuarantineReader, RejectedLine, write_quarantine
from spark_jobs.store.objects import Objects, StoredObject, open_objects


class Counting(CappedObjects):
    """Capped objects that count the bytes read."""

    read = 0

    def find_range(self, path: str, start: int, end: int, etag: str | None = None) -> StoredObject | None:
        found = super().find_range(path, start, end, etag)
        self.read += len(found.data) if found else 0
        return found


@pytest.fixture
def lake() -> Objects:
    return open_objects("memory:///lake")


def quarantine(lake: Objects, first: int, lines: int, raw: str = "bad") -> None:
    write_quarantine(lake, first, [RejectedLine(first + n, "r", f'{raw} "{n}"'.encode()) for n in range(lines)])


def old_quarantine(lake: Objects, first: int, lines: int, raw: str = "bad") -> None:
    """Write a file as releases up to 1.0 did, with whole lines and without their number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([("line", "reason", "raw"), *((first + n, "r", f'{raw} "{n}"') for n in range(lines))])
    lake.create(quarantine_path(first), text.getvalue().encode())


@pytest.mark.parametrize("lines", [1, 1000])
@pytest.mark.parametrize("write", [quarantine, old_quarantine])
def test_a_small_quarantine_file_is_read_whole(lake: Objects, write: Callable[..., None], lines: int) -> None:
    write(lake, 0, lines)
    capped = CappedObjects(lake)
    count, latest = QuarantineReader(capped, 3).read(0)
    assert (count, len(latest), capped.capped) == (lines, min(3, lines), set())


def test_of_a_large_quarantine_file_the_latest_lines_are_read_and_all_are_counted(lake: Objects) -> None:
    quarantine(lake, 0, 10_000, "x" * 500)
    capped = Counting(lake)
    count, latest = QuarantineReader(capped, 3).read(0)
    assert [line.line for line in latest] == [9999, 9998, 9997]
    assert (count, capped.capped) == (10_000, set())
    assert capped.read <= 2 * capped_objects.QUARANTINE_BYTES + HEAD_BYTES


def test_of_a_large_old_quarantine_file_the_latest_lines_are_counted(lake: Objects) -> None:
    old_quarantine(lake, 0, 100_000, "x" * 100)
    size = lake.head(quarantine_path(0))
    assert size
    assert size.size > 10 * capped_objects.QUARANTINE_BYTES
    capped = Counting(lake)
    count, latest = QuarantineReader(capped, 3).read(0)
    assert [line.line for line in latest] == [99_999, 99_998, 99_997]
    assert latest[0].raw == f'{"x" * 100} "99999"'
    assert 1000 < count < 100_000
    assert capped.capped == {quarantine_path(0)}
    assert capped.read <= 2 * capped_objects.QUARANTINE_BYTES + HEAD_BYTES


@pytest.mark.parametrize("length", [2 << 20, 5 << 20])
def test_a_line_larger_than_the_limit_is_counted_as_unread(lake: Objects, length: int) -> None:
    old_quarantine(lake, 0, 2, "x" * length)
    capped = Counting(lake)
    count, latest = QuarantineReader(capped, 3).read(0)
    assert (count, latest, capped.capped) == (0, (), {quarantine_path(0)})
    assert capped.read <= 2 * capped_objects.QUARANTINE_BYTES + HEAD_BYTES


def test_a_poll_reads_so_many_bytes_and_the_newest_files_first(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capped_objects, "POLL_BYTES", 100_000)
    for first in range(0, 50_000, 1000):
        old_quarantine(lake, first, 100, "x" * 50)
    capped = Counting(lake)
    capped.start_poll()
    count, latest = QuarantineReader(capped, 1).read(0)
    assert latest[0].line == 49_099
    assert 500 < count < 5000
    assert quarantine_path(0) in capped.capped
    assert quarantine_path(49_000) not in capped.capped
    # Of the files that are not read, only the header is, to tell a quarantine file from another one.
    assert capped.read <= 100_000 + 50 * (1024 + HEAD_BYTES)


def test_a_poll_reads_so_many_files(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capped_objects, "POLL_FILES", 3)
    for first in range(0, 100_000, 10_000):
        old_quarantine(lake, first, 100)
    capped = CappedObjects(lake)
    capped.start_poll()
    assert QuarantineReader(capped, 1).read(0)[0] == 300
    assert len(capped.capped) == 7


def test_old_quarantine_files_are_not_even_listed(lake: Objects) -> None:
    for first in range(0, 5000, 1000):
        quarantine(lake, first, 1)
    capped = CappedObjects(lake)
    capped.quarantine_after = quarantine_path(3000).removesuffix(".csv")
    assert [line.line for line in QuarantineReader(capped, 10).read(4000)[1]] == [4000, 3000]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (OFFSET, OffsetUnreadableError),
        (HEARTBEAT, HeartbeatUnreadableError),
        (HISTORY, HistoryUnreadableError),
        ("detections/detections_1_00000000.csv", TooLargeError),
    ],
)
def test_an_object_larger_than_the_pipeline_writes_is_refused(
    lake: Objects, path: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capped_objects, "OBJECT_BYTES", 100)
    lake.write(path, b"x" * 101)
    capped = Counting(lake)
    with pytest.raises(error, match=f"{path} has 101 bytes, and the page reads at most 100 of one object"):
        capped.find(path)
    assert capped.read == 100
    lake.write(path, b"x" * 100)
    stored = capped.find(path)
    assert stored
    assert stored.data == b"x" * 100


def test_ranges_are_read_from_s3(s3: LocalS3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    lake = open_objects("s3://transactions/capped")
    monkeypatch.setattr(capped_objects, "QUARANTINE_BYTES", 10_000)
    quarantine(lake, 0, 1000)
    lake.write(OFFSET, b"")
    capped = Counting(lake)
    assert QuarantineReader(capped, 1).read(0)[1][0].line == 999
    assert capped.read <= 20_000 + HEAD_BYTES
    assert (capped.find(OFFSET), capped.find(HISTORY)) == (lake.find(OFFSET), None)
