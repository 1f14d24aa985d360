import pytest

from spark_jobs.lake.quarantine import QuarantinedLine, parse_quarantine


def test_raw_text_is_preserved() -> None:
    data = b'line,reason,raw\n7,wrong number of fields,"a, ""b"" <script>"\n9,no amount,=1+1\n'
    assert parse_quarantine(data) == (
        QuarantinedLine(7, "wrong number of fields", 'a, "b" <script>'),
        QuarantinedLine(9, "no amount", "=1+1"),
    )


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the columns line,reason,raw, found a,b"):
        parse_quarantine(b"a,b\n1,2\n")
