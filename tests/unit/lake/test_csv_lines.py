import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.lake import csv_lines
from spark_jobs.lake.csv_header import HEADER_BYTES
from spark_jobs.lake.csv_lines import MAX_COMMAS, MAX_FIELD, split_lines
from spark_jobs.lake.csv_quotes import DOUBLE, SINGLE, Quoting, find_quoting, split_line
from tests.unit.bad_input.lines import COLUMNS, kinds_in_one_file

NAMES = COLUMNS.decode().split(",")

fields = st.text(st.sampled_from("a'\", é\ufeff"), max_size=4)
any_lines = st.lists(st.lists(fields, min_size=2, max_size=3).map(",".join), max_size=6)
quoted = st.lists(st.tuples(*[st.sampled_from(["'a'", '"a"', "a", "", "''", "'a,b'"])] * 2).map(",".join), max_size=6)


@given(any_lines | quoted, st.sampled_from([None, SINGLE, DOUBLE]))
def test_lines_are_split_as_the_csv_module_splits_each_of_them(lines: list[str], mark: str | None) -> None:
    table, reasons = split_lines([line.encode() for line in lines], ("x", "y"), 0, Quoting(mark))
    rows = [list(row.values()) for row in table.to_pylist()]
    assert len(rows) == len(lines)
    for at, line in enumerate(lines):
        try:
            split = split_line(line, mark)
        except csv.Error:
            split = []
        if at not in reasons:
            assert rows[at] == split
        # Otherwise, it belongs to a record of several lines.
        elif len(split) == 2:
            assert "a newline in quotes" in reasons[at]


@pytest.mark.parametrize("quotes", ["", "'", '"'])
def test_lines_are_split_the_same_whatever_batch_they_are_in(quotes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, kinds = kinds_in_one_file(quotes)
    record = [b'"C1', b"C2,F,M1,food,1,1", b'",F,M1,food,1,1', b"C3,F,M1,food,1,1"]
    lines = [line[:200_000] for line in [*kinds, *record] if line.count(b",") < MAX_COMMAS]
    quoting = find_quoting(b"\n".join([COLUMNS, *lines])[:HEADER_BYTES], len(NAMES))
    found = []
    for size in (1, 50, 500, 1 << 30):
        monkeypatch.setattr(csv_lines, "_BATCH_BYTES", size)
        found.append(split_lines(lines, NAMES, 0, quoting))
    assert all(split == found[0] for split in found)
    rows, reasons = found[0]
    assert rows.num_rows == len(lines)
    assert list(rows.to_pylist()[-1].values()) == ["C3", "F", "M1", "food", "1", "1"]
    if quotes != "'":
        assert set(range(len(lines) - 4, len(lines) - 1)) <= set(reasons)


@pytest.mark.parametrize("quote", [b"", b'"', b"'"])
def test_a_line_of_commas_is_not_split(quote: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(csv_lines, "split_line")
    lines = [b"C1,F,M1,food,1,1", quote + b"x" + quote + b",ab" * (MAX_COMMAS + 1)]
    rows, reasons = split_lines(lines, NAMES, 0, find_quoting(b"", len(NAMES)))
    assert list(rows.to_pylist()[0].values()) == ["C1", "F", "M1", "food", "1", "1"]
    assert reasons == {1: "more than 1000000 commas"}


def test_a_field_too_long_for_the_csv_module_is_bad_however_simple_its_line_is() -> None:
    lines = [b"C1,F,M1,food,1," + b"x" * size for size in (MAX_FIELD, MAX_FIELD + 1)]
    _, reasons = split_lines(lines, NAMES, 0, Quoting())
    assert reasons == {1: f"a field is longer than {MAX_FIELD} characters"}
