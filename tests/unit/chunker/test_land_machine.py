"""The landed rows are exactly the lines of the master file, whatever happens to the chunker."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from spark_jobs.chunker.land import ChunkerJob, land_next_chunk
from spark_jobs.errors import OffsetRaceLostError
from spark_jobs.lake.landing import open_landing
from spark_jobs.lake.offset import read_landed_line
from spark_jobs.store.objects import Objects
from tests.unit.chunker_job import HEADER, good_line, landed_chunks, new_job, quarantined, write_source

UNCLOSED = b"0,'C1','F','M1','c,1\n"
# Each with a line that would be a transaction if it stood alone.
RECORDS = [
    [b"0,'C1','F','M1','a\n", b"9,C9,F,M9,fake,9.50\n", b"b',1.50\n"],
    [b'0,C1,F,M1,"a\n', b"9,C9,F,M9,fake,9.50\n", b'b",1.50\n'],
    [b"0,'C1','F','M1','a''\n", b"'',1,C9,M9,fake\n", b"\n", b"',1.50\n"],
]


class Crash(BaseException):
    """Simulates the death of the process."""


class Interrupted(Objects):
    """Calls `at_write(2n)` before and `at_write(2n + 1)` after write n."""

    def __init__(self, objects: Objects, at_write: Callable[[int], None]) -> None:
        super().__init__(objects._store, objects.address)
        self._at_write = at_write
        self._writes = 0

    def create(self, path: str, data: bytes) -> bool:
        return bool(self._around(lambda: Objects.create(self, path, data)))

    def replace(self, path: str, data: bytes, etag: str) -> bool:
        return bool(self._around(lambda: Objects.replace(self, path, data, etag)))

    def _around(self, write: Callable[[], Any]) -> Any:
        step = 2 * self._writes
        self._writes += 1
        self._at_write(step)
        result = write()
        self._at_write(step + 1)
        return result


class Chunker(RuleBasedStateMachine):
    """Appends, unfinished lines, repeated uploads, crashes between any two steps, and concurrent runs."""

    def __init__(self) -> None:
        super().__init__()
        self.job = new_job()
        self.lines: list[bytes] = []
        self.unfinished = b""
        self.to_come: list[bytes] = []
        self._upload()

    @precondition(lambda self: not self.to_come)
    @rule(count=st.integers(1, 8))
    def append_lines(self, count: int) -> None:
        self._finish(good_line(len(self.lines)))
        for _ in range(count - 1):
            self._finish(good_line(len(self.lines)))

    @precondition(lambda self: not self.to_come and not self.unfinished)
    @rule(record=st.sampled_from(RECORDS))
    def begin_a_record_of_several_lines(self, record: list[bytes]) -> None:
        self._finish(record[0])
        self.to_come = record[1:]

    @precondition(lambda self: self.to_come)
    @rule()
    def append_a_line_of_the_record(self) -> None:
        self._finish(self.to_come.pop(0))

    @precondition(lambda self: not self.to_come)
    @rule(line=st.sampled_from([b"\n", b"1,2\n", b"\xff\n", b"0,'C1','F','M1','c',-1\n", UNCLOSED]))
    def append_bad_line(self, line: bytes) -> None:
        self._finish(line)

    @precondition(lambda self: not self.unfinished and not self.to_come)
    @rule()
    def append_half_a_line(self) -> None:
        self.unfinished = good_line(len(self.lines))[:7]
        self._upload()

    @rule()
    def upload_the_same_again(self) -> None:
        def etag() -> str:
            return getattr(self.job.source.folder.head(self.job.source.name), "etag", "")

        before = etag()
        self._upload()
        assert etag() != before

    @rule(chunk_size=st.integers(1, 5))
    def run(self, chunk_size: int) -> None:
        before = read_landed_line(self.job.lake)
        chunk = land_next_chunk(replace(self.job, chunk_size=chunk_size))
        assert (chunk is None) == (before == self._without_unfinished_record())

    @rule(chunk_size=st.integers(1, 5), step=st.integers(0, 5))
    def run_that_dies(self, chunk_size: int, step: int) -> None:
        def die(at: int) -> None:
            if at == step:
                raise Crash

        with suppress(Crash):
            land_next_chunk(self._interrupted(chunk_size, die))

    @rule(chunk_size=st.integers(1, 5), other_size=st.integers(1, 5), step=st.integers(0, 5), runs=st.integers(1, 2))
    def run_overtaken_by_another(self, chunk_size: int, other_size: int, step: int, runs: int) -> None:
        def overtake(at: int) -> None:
            if at == step:
                for _ in range(runs):
                    land_next_chunk(replace(self.job, chunk_size=other_size))

        # This run wins if the other one was too late, or had nothing to land.
        with suppress(OffsetRaceLostError):
            land_next_chunk(self._interrupted(chunk_size, overtake))

    @invariant()
    def landed_rows_are_the_lines_of_the_file(self) -> None:
        landed = read_landed_line(self.job.lake)
        rows = [row for _, chunk in landed_chunks(self.job) for row in chunk]
        assert [row["line"] for row in rows] == list(range(landed))
        bad = [number for number, line in enumerate(self.lines[:landed]) if line != good_line(number)]
        assert [row["line"] for row in rows if not row["customer"]] == bad
        assert all(row["amount"] == f"{row['line']}.50" for row in rows if row["customer"])

    @invariant()
    def each_bad_line_is_quarantined_once(self) -> None:
        landed = read_landed_line(self.job.lake)
        bad = [number for number, line in enumerate(self.lines[:landed]) if line != good_line(number)]
        assert [number for number, _ in quarantined(self.job.lake) if number < landed] == bad

    @invariant()
    def chunks_are_contiguous(self) -> None:
        chunks = landed_chunks(self.job)
        assert [first for first, _ in chunks] == [rows[0]["line"] for _, rows in chunks]

    def _without_unfinished_record(self) -> int:
        """Return how many lines do not wait for the end of a record; any line with a quote ends or disproves one."""
        last = max((number for number, line in enumerate(self.lines) if b"'" in line), default=0)
        if self.lines and self.lines[last] == UNCLOSED:
            return last
        if self.to_come:
            return max(number for number, line in enumerate(self.lines) if line in {record[0] for record in RECORDS})
        return len(self.lines)

    def _finish(self, line: bytes) -> None:
        if self.unfinished:
            self.unfinished, line = b"", good_line(len(self.lines))
        self.lines.append(line)
        self._upload()

    def _upload(self) -> None:
        write_source(self.job, HEADER + b"".join(self.lines) + self.unfinished)

    def _interrupted(self, chunk_size: int, at_write: Callable[[int], None]) -> ChunkerJob:
        lake = Interrupted(self.job.lake, at_write)
        return replace(self.job, lake=lake, landing=open_landing("csv", lake), chunk_size=chunk_size)


@pytest.mark.parametrize("record", RECORDS, ids=["single quotes", "double quotes", "doubled quotes"])
@pytest.mark.parametrize("before", [[], [UNCLOSED]], ids=["", "after an open quote"])
def test_no_line_of_a_record_lands_before_its_last_one(record: list[bytes], before: list[bytes]) -> None:
    chunker = Chunker()
    for line in before:
        chunker.append_bad_line(line)
    chunker.begin_a_record_of_several_lines(record)
    while chunker.to_come:
        chunker.run(5)
        chunker.append_a_line_of_the_record()
    chunker.append_lines(1)
    chunker.run(9)
    chunker.each_bad_line_is_quarantined_once()


TestChunker = Chunker.TestCase
