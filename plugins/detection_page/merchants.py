"""Merchants as of the last chunk that touched them, sorted; one merchant's history, thinned out."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA

SORTABLE = (*MERCHANTS_SCHEMA.names, "detections")
_HISTORY_POINTS = 200


def latest_rows(*tables: pa.Table) -> pa.Table:
    """Return of each merchant the row with the greatest line, of rows of `MERCHANTS_SCHEMA`."""
    rows = pa.concat_tables([table.select(MERCHANTS_SCHEMA.names).cast(MERCHANTS_SCHEMA) for table in tables])
    encoded = rows["merchant"].combine_chunks().dictionary_encode()
    order = np.lexsort((rows["line"].to_numpy(), encoded.indices.to_numpy(zero_copy_only=False)))
    codes = encoded.indices.to_numpy(zero_copy_only=False)[order]
    last = np.flatnonzero(np.append(codes[1:] != codes[:-1], True)) if len(codes) else np.zeros(0, dtype=np.int64)
    return rows.take(pa.array(order[last]))


def with_detections(merchants: pa.Table, detections: pa.Table) -> pa.Table:
    """Return merchants with one more column, `detections`: how many name each."""
    counted = detections.group_by("MerchantId").aggregate([("seq", "count")])
    numbers = dict(zip(counted["MerchantId"].to_pylist(), counted["seq_count"].to_pylist(), strict=True))
    found = pa.array([numbers.get(name, 0) for name in merchants["merchant"].to_pylist()], pa.int64())
    return merchants.append_column("detections", found)


def sorted_page(
    merchants: pa.Table, part: str, column: str, *, descending: bool, offset: int, limit: int
) -> dict[str, Any]:
    """Return some of the merchants whose name has `part` in it, sorted by a column of `SORTABLE`; nulls come last."""
    rows = merchants.filter(pc.match_substring(merchants["merchant"], part, ignore_case=True)) if part else merchants
    order = "descending" if descending else "ascending"
    # The name decides where the column does not, so that pages do not overlap.
    keys = [(column, order)] if column == "merchant" else [(column, order), ("merchant", "ascending")]
    found = rows.sort_by(keys).slice(offset, limit)
    return {"total": rows.num_rows, "rows": found.to_pylist()}


def history_view(rows: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of one merchant in order of lines, at most some hundred, first and last among them."""
    ordered = rows.select(MERCHANTS_SCHEMA.names).sort_by("line")
    if ordered.num_rows > _HISTORY_POINTS:
        chosen = np.unique(np.linspace(0, ordered.num_rows - 1, _HISTORY_POINTS).round().astype(np.int64))
        ordered = ordered.take(pa.array(chosen))
    return list(ordered.drop_columns(["merchant"]).to_pylist())
