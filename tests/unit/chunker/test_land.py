from dataclasses import replace
from pathlib import Path

import pytest

from spark_jobs.chunker.land import LandedChunk, land_next_chunk
from spark_jobs.errors import (
    OffsetUnreadableError,
    SourceHeaderError,
    SourceMissingError,
    SourceRewrittenError,
)
from spark_jobs.lake import master_file
from spark_jobs.lake.csv_quotes import Quoting
from spark_jobs.lake.layout import OFFSET
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.lake.transactions import parse_lines
from spark_jobs.store.objects import Objects, StoredObject
from tests.unit.chunker_job import (
    HEADER,
    good_line,
    landed_chunks,
    new_job,
    quarantined,
    snapshot,
    write_source,
)

LINES = [good_line(number) for number in range(8)]
FILE = HEADER + b"".join(LINES)


@pytest.mark.parametrize("landing_format", ["csv", "delta"])
def test_both_formats_land_the_same_rows(landing_format: str, tmp_path: Path) -> None:
    job = new_job(tmp_path.as_uri(), landing_format)
    write_source(job, HEADER + b"".join([*LINES[:4], b"garbage\n", *LINES[5:]]))

    chunks = [land_next_chunk(job) for _ in range(4)]

    assert chunks == [
        LandedChunk(0, 3, 0, adopted=False),
        LandedChunk(3, 6, 1, adopted=False),
        LandedChunk(6, 8, 0, adopted=False),
        None,
    ]
    rows = [row for _, chunk in landed_chunks(job) for row in chunk]
    assert [(row["line"], row["customer"], row["amount"]) for row in rows] == [
        (n, "" if n == 4 else f"C{n % 7}", "" if n == 4 else f"{n}.50") for n in range(8)
    ]
    assert quarantined(job.lake) == [(4, "garbage")]


@pytest.mark.parametrize("landing_format", ["csv", "delta"])
@pytest.mark.parametrize("grown_by", [0, 3])
def test_an_existing_chunk_is_adopted_with_its_extent(landing_format: str, grown_by: int, tmp_path: Path) -> None:
    job = new_job(tmp_path.as_uri(), landing_format, chunk_size=5)
    bad = [LINES[0], b"bad\n"]
    write_source(job, HEADER + b"".join(bad))
    rows = parse_lines(
        [line.strip() for line in bad],
        0,
        ("step", "customer", "gender", "merchant", "category", "amount"),
        Quoting("'"),
    )
    assert job.landing.create(0, rows.rows)  # an earlier run died here
    write_source(job, HEADER + b"".join(bad + LINES[2 : 2 + grown_by]))

    assert land_next_chunk(job) == LandedChunk(0, 2, 1, adopted=True)
    assert quarantined(job.lake) == [(1, "bad")]
    assert (land_next_chunk(job) is None) == (grown_by == 0)


def test_an_unfinished_last_line_waits_for_its_newline() -> None:
    job = new_job(chunk_size=10)
    write_source(job, HEADER + LINES[0] + LINES[1][:-1])
    assert land_next_chunk(job) == LandedChunk(0, 1, 0, adopted=False)
    assert land_next_chunk(job) is None
    write_source(job, HEADER + LINES[0] + LINES[1])
    assert land_next_chunk(job) == LandedChunk(1, 2, 0, adopted=False)


@pytest.mark.parametrize("extra", [b"Amount", b"LINE"])
def test_columns_that_differ_in_case_are_refused_in_a_delta_table_only(extra: bytes, tmp_path: Path) -> None:
    data = HEADER[:-1] + b"," + extra + b"\n0,C1,F,M1,c,1,2\n"
    job = new_job(tmp_path.as_uri(), "delta")
    write_source(job, data)
    with pytest.raises(
        SourceHeaderError, match=r"transactions\.csv, line 1: the columns '.*' and '.*' differ only in case"
    ):
        land_next_chunk(job)
    assert not list(tmp_path.iterdir()), "nothing was changed"
    job = new_job()
    write_source(job, data)
    assert land_next_chunk(job) == LandedChunk(0, 1, 0, adopted=False)


@pytest.mark.parametrize(
    ("genders", "lacks_gender"),
    [(["F", "E"], False), ([" M", "f"], False), (["f", "female"], True), (["E", ""], True), (["", ""], False)],
)
def test_a_chunk_without_any_known_gender_is_reported(genders: list[str], lacks_gender: bool) -> None:
    job = new_job()
    write_source(job, HEADER + b"".join(b"0,C1,%b,M1,c,1\n" % gender.encode() for gender in genders))
    chunk = land_next_chunk(job)
    assert chunk
    assert chunk.lacks_gender == lacks_gender


def test_an_unfinished_header_waits_for_its_newline() -> None:
    job = new_job()
    write_source(job, HEADER[:-4])
    assert land_next_chunk(job) is None


def test_lines_much_longer_than_expected_land_whole() -> None:
    job = new_job(chunk_size=2)
    long = b"0,'C1','F','M1','" + b"x" * 100_000 + b"',1.50\n"
    write_source(job, HEADER + long * 2)
    assert land_next_chunk(job) == LandedChunk(0, 2, 0, adopted=False)
    assert len(landed_chunks(job)[0][1][0]["category"]) == 100_000


def test_a_missing_master_file_is_retryable() -> None:
    with pytest.raises(SourceMissingError, match=r"memory:/?/?/transactions\.csv does not exist"):
        land_next_chunk(new_job())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"\x1f\x8b\x08\x00\xff\n", "not CSV text in UTF-8"),
        (b"a,b\n1,2\n", "no column customer, gender, merchant, category, amount"),
        (HEADER.replace(b"step", b"amount"), "amount occurs more than once"),
        (HEADER.replace(b"step", b"line"), "a column cannot be named 'line'"),
        (b"x" * 70_000, "no line ends within its first 65536 bytes"),
    ],
)
def test_another_kind_of_file_stops_the_run(data: bytes, said: str) -> None:
    job = new_job()
    write_source(job, data)
    with pytest.raises(SourceHeaderError, match=said):
        land_next_chunk(job)
    assert snapshot(job.lake) == {OFFSET: b""}


@pytest.mark.parametrize(
    "data",
    [
        FILE[:-20],
        FILE.replace(b"C1", b"C9"),
        FILE.replace(b"C1", b"C9") + good_line(8),
        HEADER + good_line(99) + FILE[len(HEADER) :],
        HEADER.replace(b"step", b"time") + FILE[len(HEADER) :] + good_line(8),
    ],
    ids=["shorter", "rewritten", "rewritten and grown", "line put in front", "other header"],
)
def test_a_changed_landed_part_stops_the_run_and_changes_nothing(data: bytes) -> None:
    job = new_job()
    write_source(job, FILE)
    land_next_chunk(job)
    before = snapshot(job.lake)
    write_source(job, data)
    with pytest.raises(SourceRewrittenError, match="restore it, or start a new lake"):
        land_next_chunk(job)
    assert snapshot(job.lake) == before


@pytest.mark.parametrize("landed", [3, 6, 8])
def test_an_identical_upload_with_another_etag_is_the_same_file(landed: int) -> None:
    job = new_job()
    write_source(job, FILE)
    while read_landed_line(job.lake) < landed:
        land_next_chunk(job)
    write_source(job, FILE)
    while land_next_chunk(job):
        pass
    assert [row["amount"] for _, chunk in landed_chunks(job) for row in chunk] == [f"{n}.50" for n in range(8)]


def test_a_restored_master_file_lands_again() -> None:
    job = new_job()
    write_source(job, FILE)
    land_next_chunk(job)
    write_source(job, FILE.replace(b"C1", b"C9"))
    with pytest.raises(SourceRewrittenError):
        land_next_chunk(job)
    write_source(job, FILE)
    assert land_next_chunk(job) == LandedChunk(3, 6, 0, adopted=False)


def test_a_chunk_of_another_file_is_not_adopted() -> None:
    job = new_job()
    write_source(job, FILE)
    before = replace(job, lake=new_job().lake)
    land_next_chunk(before)  # its chunk is shared, its offset is not
    write_source(job, FILE.replace(b"C1", b"C9"))
    with pytest.raises(SourceRewrittenError, match="landed from a different"):
        land_next_chunk(job)
    assert read_landed_line(job.lake) == 0


@pytest.mark.parametrize("data", [b"", b"x", b"a,b\n1,2\n", b"\xff\xfe", None])
def test_an_unreadable_offset_stops_the_run_and_changes_nothing(data: bytes | None) -> None:
    job = new_job()
    write_source(job, FILE)
    land_next_chunk(job)
    good = snapshot(job.lake)[OFFSET]
    job.lake.write(OFFSET, good.replace(b"\n3,", b"\n-3,") if data is None else data)
    before = snapshot(job.lake)
    with pytest.raises(OffsetUnreadableError, match="restore the last good version"):
        land_next_chunk(job)
    assert snapshot(job.lake) == before


def test_a_chunk_costs_the_same_reads_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    job = new_job(chunk_size=1)
    write_source(job, FILE)
    ranges: list[int] = []
    find_range = Objects.find_range

    def counted(self: Objects, path: str, start: int, end: int, etag: str | None = None) -> StoredObject | None:
        ranges.append(end - start)
        return find_range(self, path, start, end, etag)

    monkeypatch.setattr(Objects, "find_range", counted)
    reads = []
    for _ in range(3):
        land_next_chunk(job)
        reads.append(len(ranges))
    assert reads == [2, 4, 6], "one for the header and the version, one for the lines"


def test_a_chunk_of_many_columns_has_fewer_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_file, "_CHUNK_FIELDS", 20)
    monkeypatch.setattr(master_file, "_FIELDS_PER_LINE", 3)
    job = new_job(chunk_size=7)
    write_source(job, FILE)
    assert [land_next_chunk(job) for _ in range(3)] == [
        LandedChunk(0, 3, 0, adopted=False),
        LandedChunk(3, 6, 0, adopted=False),
        LandedChunk(6, 8, 0, adopted=False),
    ]
    job = new_job(chunk_size=7)
    write_source(job, FILE)
    monkeypatch.setattr(master_file, "_FIELDS_PER_LINE", 6)
    assert land_next_chunk(job) == LandedChunk(0, 7, 0, adopted=False)
