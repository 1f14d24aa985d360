"""Reading the rows of some merchants from `state/pairs`, skipping the rest.

Compacted files and their row groups are sorted by merchant, and their statistics tell which merchants they contain.
"""

import io
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from spark_jobs.errors import StorageError
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.lake.layout import PAIRS
from spark_jobs.store.delta import explain_damage
from spark_jobs.store.objects import Objects

# Read when a file is opened: holds the whole footer of most files.
_FOOTER_BYTES = 1 << 16


@dataclass(frozen=True)
class PairFile:
    """A file of `state/pairs`: its path under the lake, its size in bytes, and its range of merchants."""

    path: str
    size: int
    first_merchant: str
    last_merchant: str


def files_with(files: Sequence[PairFile], merchants: Sequence[str]) -> list[PairFile]:
    """Return the files that may contain any of these merchants, which are sorted."""
    return [file for file in files if _any_between(merchants, file.first_merchant, file.last_merchant)]


def read_pairs(lake: Objects, files: Sequence[PairFile], merchants: Sequence[str]) -> tuple[pa.Table, int]:
    """Return all rows of these merchants, which are sorted, and the number of bytes read.

    Raises:
        StorageError: a file no longer exists, because the table was rewritten.
        TableDamagedError: a file is damaged, or missing although the table names it.
    """
    with explain_damage(lake.place(PAIRS)):
        return _read_pairs(lake, files, merchants)


def _read_pairs(lake: Objects, files: Sequence[PairFile], merchants: Sequence[str]) -> tuple[pa.Table, int]:
    tables, read = [PAIRS_SCHEMA.empty_table()], 0
    for file in files_with(files, merchants):
        raw = _Ranges(lake, file)
        parquet = pq.ParquetFile(raw, pre_buffer=True)
        column = parquet.schema_arrow.get_field_index("merchant")
        groups = [
            number
            for number in range(parquet.num_row_groups)
            if _may_contain(parquet.metadata.row_group(number).column(column).statistics, merchants)
        ]
        rows = parquet.read_row_groups(groups, columns=PAIRS_SCHEMA.names, use_threads=False)
        tables.append(rows.filter(pc.is_in(rows.column("merchant"), pa.array(merchants))).cast(PAIRS_SCHEMA))
        read += raw.bytes_read
    return pa.concat_tables(tables), read


def _may_contain(statistics: pq.Statistics | None, merchants: Sequence[str]) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return _any_between(merchants, statistics.min, statistics.max)


def _any_between(merchants: Sequence[str], first: str, last: str) -> bool:
    at = bisect_left(merchants, first)
    return at < len(merchants) and merchants[at] <= last


class _Ranges(io.RawIOBase):
    """A stored file that pyarrow reads by ranges; its end is read at once."""

    def __init__(self, lake: Objects, file: PairFile) -> None:
        self._lake, self._file = lake, file
        self._at = self.bytes_read = 0
        self._end_from = max(0, file.size - _FOOTER_BYTES)
        self._end = self._range(self._end_from, file.size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._file.size if size < 0 else min(self._at + size, self._file.size)
        start, self._at = self._at, max(self._at, end)
        if start >= self._end_from:
            return self._end[start - self._end_from : end - self._end_from]
        return self._range(start, end)

    def _range(self, start: int, end: int) -> bytes:
        found = self._lake.find_range(self._file.path, start, end)
        if found is None:
            msg = f"{self._lake.place(self._file.path)} no longer exists, because the table was rewritten; start again"
            raise StorageError(msg)
        self.bytes_read += len(found.data)
        return found.data
