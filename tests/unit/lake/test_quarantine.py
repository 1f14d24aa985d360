import csv
import hashlib
import io
from collections.abc import Callable

import pytest

from spark_jobs.lake.layout import quarantine_path
from spark_jobs.lake.quarantine import (
    HEAD_BYTES,
    QUARANTINE_COLUMNS,
    RAW_CHARACTERS,
    QuarantinedLine,
    QuarantineReader,
    RejectedLine,
    format_quarantine,
    parse_quarantine,
    write_quarantine,
)
from spark_jobs.store.objects import Objects, StoredObject, open_objects


class Counting(Objects):
    """Objects that count the bytes read."""

    read = 0

    def __init__(self, whole: Objects) -> None:
        self.__dict__.update(vars(whole))

    def find(self, path: str) -> StoredObject | None:
        return self.find_range(path, 0, 1 << 40)

    def find_range(self, path: str, start: int, end: int, etag: str | None = None) -> StoredObject | None:
        found = super().find_range(path, start, end, etag)
        self.read += len(found.data) if found else 0
        return found


@pytest.fixture
def lake() -> Counting:
    return Counting(open_objects("memory:///lake"))


def old_file(first: int, raws: list[str]) -> bytes:
    """Return a file as releases up to 1.0 wrote it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([("line", "reason", "raw"), *((first + n, "r", raw) for n, raw in enumerate(raws))])
    return text.getvalue().encode()


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_raw_text_is_preserved() -> None:
    data = b'line,reason,raw\n7,wrong number of fields,"a, ""b"" <script>"\n9,no amount,=1+1\n'
    expected = (
        QuarantinedLine(7, "wrong number of fields", 'a, "b" <script>'),
        QuarantinedLine(9, "no amount", "=1+1"),
    )
    assert parse_quarantine(data) == expected, "a file of release 1.0"
    lines = [RejectedLine(line.line, line.reason, line.raw.encode()) for line in expected]
    assert parse_quarantine(format_quarantine(lines)) == expected


@pytest.mark.parametrize(
    ("unit", "kept"),
    [
        (b"\xff", "\\xff"),
        (b"x", "x"),
        (b'"', '"'),
        ("é".encode(), "é"),
        ("😀".encode(), "😀"),
        (b"\xe2\x82", "\\xe2\\x82"),
        (b"\r", "\r"),
        (b"\0", "\0"),
    ],
)
@pytest.mark.parametrize("before", [b"", b"a", b"abc"])
def test_a_long_line_is_cut_and_its_length_and_hash_are_kept(before: bytes, unit: bytes, kept: str) -> None:
    raw = before + unit * 10_000
    data = format_quarantine([RejectedLine(7, "r" * 10_000, raw)])
    (row,) = rows(data)
    assert tuple(row) == QUARANTINE_COLUMNS
    assert row["raw"] == (before.decode() + kept * 10_000)[:RAW_CHARACTERS]
    assert (row["bytes"], row["sha256"]) == (str(len(raw)), hashlib.sha256(raw).hexdigest())
    assert row["reason"] == "r" * 300
    assert len(data) < 6000


def test_a_short_line_is_kept_whole_and_its_bytes_follow_from_nothing_else() -> None:
    lines = [RejectedLine(n, "r", b"C%d,F" % n) for n in range(3)]
    assert format_quarantine(lines) == format_quarantine(list(lines))
    assert [(row["line"], row["quarantined"], row["raw"]) for row in rows(format_quarantine(lines))] == [
        ("0", "3", "C0,F"),
        ("1", "3", "C1,F"),
        ("2", "3", "C2,F"),
    ]


def test_another_file_is_refused(lake: Counting) -> None:
    with pytest.raises(ValueError, match=r"expected the columns line,.* or line,reason,raw, found a,b"):
        parse_quarantine(b"a,b\n1,2\n")
    lake.write(quarantine_path(0), b"a,b\n1,2\n")
    for latest in (0, 1):
        with pytest.raises(ValueError, match=r"quarantine_000000000000.csv is not a quarantine file .* move it"):
            QuarantineReader(lake, latest).read(0)


@pytest.mark.parametrize("head", [b"", b"\xff\xfe", b"line,quarantined,bytes,sha256,reason,raw\nx\n"])
def test_a_damaged_file_is_named(lake: Counting, head: bytes) -> None:
    lake.write(quarantine_path(0), head)
    with pytest.raises(ValueError, match=r"quarantine_000000000000.csv is not a quarantine file"):
        QuarantineReader(lake).read(0)


def test_counting_reads_no_more_than_the_heads_of_files(lake: Counting) -> None:
    for first in range(0, 100_000, 10_000):
        write_quarantine(lake, first, [RejectedLine(first + n, "r", b'"' * 5000) for n in range(100)])
    assert QuarantineReader(lake).read(20_000) == (800, ())
    assert 0 < lake.read <= 8 * HEAD_BYTES


def test_lines_of_old_and_new_files_are_counted_and_shown_alike(lake: Counting) -> None:
    lake.create(quarantine_path(0), old_file(0, ["old", "x" * 5000 + "\r"]))
    write_quarantine(lake, 100, [RejectedLine(n, "r", b"new") for n in range(100, 103)])
    assert QuarantineReader(lake).read(0) == (5, ())
    count, latest = QuarantineReader(lake, 4).read(0)
    assert (count, [line.line for line in latest]) == (5, [102, 101, 100, 1])


@pytest.mark.parametrize("size", [1, 10, 100])
def test_an_old_file_is_counted_in_ranges(lake: Counting, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.lake.quarantine._RANGE_BYTES", size)
    lake.create(quarantine_path(0), old_file(0, ["a", "b\r", "ü"]))
    assert QuarantineReader(lake).read(0) == (3, ())


def test_lines_before_the_first_are_shown_but_not_counted(lake: Counting) -> None:
    for first in (0, 10, 20):
        write_quarantine(lake, first, [RejectedLine(first, "r", b"bad")])
    reader = QuarantineReader(lake, 5)
    for _ in range(2):
        count, latest = reader.read(20)
        assert (count, [line.line for line in latest]) == (1, [20, 10, 0])


def test_a_file_is_read_once(lake: Counting) -> None:
    reader = QuarantineReader(lake, 2)
    write: Callable[[int], None] = lambda first: write_quarantine(lake, first, [RejectedLine(first, "r", b"bad")])  # noqa: E731
    write(0)
    assert reader.read(0)[0] == 1
    before = lake.read
    assert reader.read(0)[0] == 1
    assert lake.read == before
    write(10)
    assert [line.line for line in reader.read(0)[1]] == [10, 0]
    assert reader.read(0)[0] == 2
