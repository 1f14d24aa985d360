import pytest

from spark_jobs.lake import csv_lines
from spark_jobs.lake.csv_lines import MAX_COMMAS, split_lines
from spark_jobs.lake.csv_quotes import find_quoting
from tests.unit.bad_input.lines import COLUMNS, kinds_in_one_file

WIDTH = COLUMNS.count(b",") + 1


@pytest.mark.parametrize("quotes", ["", "'", '"'])
def test_lines_are_split_the_same_whatever_batch_they_are_in(quotes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, kinds = kinds_in_one_file(quotes)
    record = [b'"C1', b"C2,F,M1,food,1,1", b'",F,M1,food,1,1', b"C3,F,M1,food,1,1"]
    lines = [line[:200_000] for line in [*kinds, *record] if line.count(b",") < MAX_COMMAS]
    quoting = find_quoting(b"\n".join([COLUMNS, *lines])[: csv_lines.HEADER_BYTES], WIDTH)
    found = []
    for size in (1, 50, 500, 1 << 30):
        monkeypatch.setattr(csv_lines, "_BATCH_BYTES", size)
        found.append(split_lines(lines, WIDTH, 0, quoting))
    assert all(split == found[0] for split in found)
    split, reasons = found[0]
    assert len(split) == len(lines)
    assert {position for position, fields in enumerate(split) if fields is None} == set(reasons)
    if quotes != "'":
        assert split[-4:] == [None, None, None, ["C3", "F", "M1", "food", "1", "1"]]


@pytest.mark.parametrize("quote", [b"", b'"', b"'"])
def test_a_line_of_commas_is_not_split(quote: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(csv_lines, "_split_line")
    lines = [b"C1,F,M1,food,1,1", quote + b"x" + quote + b",ab" * (MAX_COMMAS + 1)]
    split, reasons = split_lines(lines, WIDTH, 0, find_quoting(b"", WIDTH))
    assert split == [["C1", "F", "M1", "food", "1", "1"], None]
    assert reasons == {1: "more than 1000000 commas"}
