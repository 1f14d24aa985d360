import csv
import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.lake.chunk_csv import format_rows, parse_rows

texts = st.text(st.sampled_from("a1 ,'\"é\u2028=") | st.characters(exclude_characters="\r\n\0", codec="utf-8"))


@given(st.lists(st.tuples(texts, texts)), st.tuples(texts, texts))
def test_texts_are_in_quotes_only_if_they_must_be_and_are_read_as_they_were(
    rows: list[tuple[str, str]], names: tuple[str, str]
) -> None:
    columns = [f"x{names[0]}", f"y{names[1]}"]
    chunk = pd.DataFrame({"line": range(7, 7 + len(rows))}).join(pd.DataFrame(rows, columns=columns, dtype="str"))
    expected = io.StringIO()
    csv.writer(expected, lineterminator="\n").writerows([chunk.columns, *chunk.itertuples(index=False)])
    data = format_rows(chunk)
    assert data == expected.getvalue().encode()
    pd.testing.assert_frame_equal(parse_rows(data), chunk)
