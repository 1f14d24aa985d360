"""Chunks as CSV: `line` and all columns of the master file, with RFC 4180 quotes where needed."""

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from spark_jobs.columns import LINE
from spark_jobs.errors import LandingZoneError

if TYPE_CHECKING:
    import pandas as pd


def format_rows(rows: "pd.DataFrame") -> bytes:
    """Return rows as CSV with a header; equal rows give equal bytes."""
    data = io.BytesIO()
    try:
        data.write(rows.head(0).to_csv(index=False, lineterminator="\n").encode())
        # A sixth of the time that pandas takes.
        table = pa.Table.from_pandas(rows, preserve_index=False)
        pc.write_csv(table, data, pc.WriteOptions(include_header=False, quoting_style="none"))
    except pa.ArrowInvalid:
        # A text needs quotes, and Arrow would put all texts in quotes.
        data = io.BytesIO()
        # As bytes: a text of all rows would take four bytes a character as soon as one of them needs that.
        rows.to_csv(data, index=False, lineterminator="\n", encoding="utf-8")
    return data.getvalue()


def parse_rows(data: bytes) -> "pd.DataFrame":
    """Parse what `format_rows` returns: `line` as integers, everything else as text, "" if empty."""
    # Importing it takes half a second, which the detector's processes do not have to wait for.
    import pandas as pd

    rows = pd.read_csv(io.BytesIO(data), dtype="str", keep_default_na=False, skip_blank_lines=False)
    return rows.astype({LINE: "int64"})


def read_columns(data: bytes, columns: dict[str, pa.DataType], place: str) -> pa.Table:
    """Return those of `columns` that the chunk has, null where empty.

    Raises:
        LandingZoneError: not a chunk, or a truncated one.
    """
    try:
        header = next(csv.reader([data[: data.index(b"\n")].decode()]))
        present = {name: kind for name, kind in columns.items() if name in header}
        return pc.read_csv(
            pa.BufferReader(data),
            read_options=pc.ReadOptions(use_threads=False, block_size=len(data)),
            convert_options=pc.ConvertOptions(
                column_types=present, include_columns=list(present), strings_can_be_null=True, null_values=[""]
            ),
        )
    except (pa.ArrowInvalid, ValueError) as error:
        msg = f"{place}: not a complete chunk ({error}); restore it from the bucket's versions"
        raise LandingZoneError(msg) from error


def verify_lines(table: pa.Table, first: int, end: int, place: str) -> None:
    """Verify that a chunk has exactly the lines `[first, end)`, in order.

    Raises:
        LandingZoneError: it does not.
    """
    lines = table.column(LINE).to_numpy()
    if not np.array_equal(lines, np.arange(first, end)):
        found = f"{len(lines)} rows from {lines[0]} to {lines[-1]}" if len(lines) else "no rows"
        msg = f"{place}: must have lines {first} to {end - 1}, has {found}; restore it from the bucket's versions"
        raise LandingZoneError(msg)
