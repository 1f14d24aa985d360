"""Merchants as of the last chunk that touched them, and the history of one merchant."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA

SORTABLE = (*MERCHANTS_SCHEMA.names, "detections")
_HISTORY_POINTS = 200


def latest_rows(*tables: pa.Table) -> pa.Table:
    """Return the row with the greatest line of each merchant; all tables are of `MERCHANTS_SCHEMA`."""
    rows = pa.concat_tables([table.select(MERCHANTS_SCHEMA.names).cast(MERCHANTS_SCHEMA) for table in tables])
    encoded = rows["merchant"].combine_chunks().dictionary_encode()
    order = np.lexsort((rows["line"].to_numpy(), encoded.indices.to_numpy(zero_copy_only=False)))
    codes = encoded.indices.to_numpy(zero_copy_only=False)[order]
    last = np.flatnonzero(np.append(codes[1:] != codes[:-1], True)) if len(codes) else np.zeros(0, dtype=np.int64)
    return rows.take(pa.array(order[last]))


def with_detections(merchants: pa.Table, detections: pa.Table) -> pa.Table:
    """Return the merchants with a column `detections`, the number of detections of each."""
    counted = detections.group_by("MerchantId").aggregate([("seq", "count")])
    numbers = dict(zip(counted["MerchantId"].to_pylist(), counted["seq_count"].to_pylist(), strict=True))
    found = pa.array([numbers.get(name, 0) for name in merchants["merchant"].to_pylist()], pa.int64())
    return merchants.append_column("detections", found)


def sorted_page(
    merchants: pa.Table, search: str, column: str, *, descending: bool, offset: int, limit: int
) -> dict[str, Any]:
    """Return one page of the merchants whose name contains `search`, sorted by a column of `SORTABLE`, nulls last."""
    if search:
        merchants = merchants.filter(pc.match_substring(merchants["merchant"], search, ignore_case=True))
    order = "descending" if descending else "ascending"
    # Ties are broken by name, so that pages do not overlap.
    keys = [(column, order)] if column == "merchant" else [(column, order), ("merchant", "ascending")]
    found = merchants.sort_by(keys).slice(offset, limit)
    return {"total": merchants.num_rows, "rows": found.to_pylist()}


def thin_history(rows: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of one merchant by line, at most 200 of them, including the first and the last."""
    ordered = rows.select(MERCHANTS_SCHEMA.names).sort_by("line")
    if ordered.num_rows > _HISTORY_POINTS:
        chosen = np.unique(np.linspace(0, ordered.num_rows - 1, _HISTORY_POINTS).round().astype(np.int64))
        ordered = ordered.take(pa.array(chosen))
    return list(ordered.drop_columns(["merchant"]).to_pylist())
