"""Records of several lines, and the quotes of a file, wherever chunks end and however the file grows."""

from collections.abc import Hashable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spark_jobs.chunker.land import ChunkerJob, LandedChunk, land_next_chunk
from spark_jobs.errors import SourceHeaderError, SourceLineError
from spark_jobs.lake.layout import OFFSET
from tests.unit.chunker_job import HEADER, good_line, landed_chunks, new_job, quarantined, write_source

LINES = [good_line(number) for number in range(8)]


def test_an_unfinished_record_waits_and_the_log_says_for_which_line(caplog: pytest.LogCaptureFixture) -> None:
    job = new_job(chunk_size=10)
    opening = b"0,'C1','F','M1','a\n"
    write_source(job, HEADER + LINES[0] + opening + b"\n")
    assert land_next_chunk(job) == LandedChunk(0, 1, 0, adopted=False)
    assert "transactions.csv, line 1: a quote is not closed yet; append its end" in caplog.text
    assert land_next_chunk(job) is None
    write_source(job, HEADER + LINES[0] + opening + b"\n" + b"',1.50\n" + LINES[4])
    assert land_next_chunk(job) == LandedChunk(1, 5, 3, adopted=False)


# Lines 1 to 3 are a record, line 5 opens one that never ends.
RECORDS = [
    LINES[0],
    b"0,'C1','F','M1','a\n",
    b"9,C9,F,M9,fake,9.50\n",
    b"b',1.50\n",
    LINES[4],
    b"0,'C1','F','M1','a,1.50\n",
    LINES[6],
    LINES[7],
]


RECORDS_WITHOUT_ENDS = [line[:-1] for line in RECORDS[1:4]]


def landed_rows(job: ChunkerJob) -> list[dict[Hashable, Any]]:
    return [row for _, chunk in landed_chunks(job) for row in chunk]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("chunk_size", [1, 2, 3, 4, 5, 6, 100])
def test_a_record_lands_the_same_wherever_chunks_end(chunk_size: int, ending: bytes) -> None:
    job = new_job(chunk_size=chunk_size)
    write_source(job, b"".join([HEADER, *RECORDS]).replace(b"\n", ending))
    while land_next_chunk(job):
        pass
    assert [number for number, _ in quarantined(job.lake)] == [1, 2, 3, 5]
    rows = landed_rows(job)
    assert [row["customer"] for row in rows] == ["C0", "", "", "", "C4", "", "C6", "C0"]


_pieces = st.sampled_from([b"C1", b"F", b"1", b",", b",", b"'", b'"', b"''", b'""', b" ", b"\r", b"C1,F,M1,food,1"])


@given(
    st.lists(
        st.one_of(st.sampled_from([LINES[0][:-1], *RECORDS_WITHOUT_ENDS]), st.lists(_pieces).map(b"".join)), max_size=9
    ),
    st.sampled_from(
        [HEADER[:-1], b"customer,gender,merchant,category,amount", b'"customer",gender,merchant,category,amount']
    ),
    st.integers(1, 4),
    st.sets(st.integers(0, 9)),
)
@example([b"'',\rC1"], b"customer,gender,merchant,category,amount", 1, set())
@settings(deadline=None, max_examples=40)
def test_lines_land_the_same_wherever_chunks_end_and_however_the_file_grows(
    lines: list[bytes], header: bytes, chunk_size: int, uploads: set[int]
) -> None:
    # The last line ends every record.
    lines = [header, *lines, b"x'x\"x"]
    growing, at_once = new_job(chunk_size=chunk_size), new_job(chunk_size=100)
    for end in [*sorted(uploads), len(lines)]:
        # Half a line more, if there is one.
        half = lines[end][: len(lines[end]) // 2] if end < len(lines) else b""
        write_source(growing, b"".join(line + b"\n" for line in lines[:end]) + half.rstrip(b"\r"))
        with suppress(SourceHeaderError, SourceLineError):
            while land_next_chunk(growing):
                pass
    write_source(at_once, b"".join(line + b"\n" for line in lines))
    while land_next_chunk(at_once):
        pass
    assert landed_rows(growing) == landed_rows(at_once)
    assert len(landed_rows(growing)) == len(lines) - 1
    assert quarantined(growing.lake) == quarantined(at_once.lake)


def test_the_quotes_of_a_file_are_those_of_its_first_lines_in_every_chunk() -> None:
    header = HEADER.replace(b"'", b"")
    unclosed = b"8,'C1,F,M1,c,1.50\n"
    job = new_job(chunk_size=1)
    # Before the first line in quotes, an apostrophe is a character; after it, a quote.
    write_source(job, header + unclosed + LINES[1] + unclosed + LINES[3])
    while land_next_chunk(job):
        pass
    rows = landed_rows(job)
    assert [row["customer"] for row in rows] == ["'C1", "C1", "", "C3"]
    # A chunk is adopted as it was landed, although the file has shown its quotes since.
    early = new_job(chunk_size=1)
    write_source(early, header + unclosed)
    land_next_chunk(early)
    early.lake.delete([OFFSET])
    write_source(early, header + unclosed + LINES[1])
    assert land_next_chunk(early) == LandedChunk(0, 1, 0, adopted=True)
