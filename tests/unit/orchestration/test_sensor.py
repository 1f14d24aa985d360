import pytest

from orchestration.sensor import Backlog, is_unchanged, measure_backlog
from spark_jobs.lake.offset import Offset


def offset(line: int, byte: int, size: int) -> Offset:
    return Offset(line, byte, size, '"a"', "2026-01-01T00:00:00+00:00", "")


@pytest.mark.parametrize(
    ("seen", "size", "expected"),
    [
        (None, 500, Backlog(0, 500, 10, 1)),
        (None, 50_000, Backlog(0, 50_000, 1000, 10)),
        (offset(100, 10_000, 10_000), 10_000, Backlog(100, 0, 0, 1)),
        (offset(100, 10_000, 10_000), 25_050, Backlog(100, 15_050, 151, 2)),
        (offset(100, 10_000, 10_000), 1_000_000, Backlog(100, 990_000, 9900, 20)),
        (offset(100, 10_000, 10_000), 9_000, Backlog(100, 0, 0, 1)),
    ],
)
def test_a_run_may_land_the_backlog_up_to_the_limit(seen: Offset | None, size: int, expected: Backlog) -> None:
    assert measure_backlog(seen, size, chunk_size=100, max_chunks=20) == expected


@pytest.mark.parametrize(
    ("size", "etag", "expected"), [(10, '"a"', True), (11, '"a"', False), (10, '"b"', False), (9, '"a"', False)]
)
def test_size_and_etag_identify_a_version_of_the_master_file(size: int, etag: str, expected: bool) -> None:
    assert is_unchanged(offset(1, 10, 10), size, etag) is expected
