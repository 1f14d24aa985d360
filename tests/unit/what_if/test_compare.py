"""What was found and what other rules find, compared by key."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from spark_jobs.patterns.detections import Detection
from spark_jobs.what_if.compare import Kind, compare

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_ONE = Detection(0, 20, _AT, _AT, "PatId2", "CHILD", "C1", "M1", {}, {})


def at(*lines: int) -> list[Detection]:
    return [replace(_ONE, line=line) for line in lines]


@pytest.mark.parametrize(
    ("before", "after", "same", "kinds"),
    [
        (at(20), at(20), 1, []),
        ([], at(20), 0, [Kind.NEW]),
        (at(20), [], 0, [Kind.GONE]),
        (at(20), at(10), 0, [Kind.EARLIER]),
        (at(20), at(30), 0, [Kind.LATER]),
        (at(20, 30), at(20), 1, []),
        (at(30, 20), at(20), 1, []),
        (at(20), [replace(_ONE, customer="C2")], 0, [Kind.NEW, Kind.GONE]),
        (at(20), [replace(_ONE, merchant="M2")], 0, [Kind.NEW, Kind.GONE]),
    ],
)
def test_a_key_counts_once_by_its_first_lines(
    before: list[Detection], after: list[Detection], same: int, kinds: list[Kind]
) -> None:
    compared = compare(before, after)["PatId2"]
    assert (compared.same, sorted(one.kind for one in compared.differences)) == (same, sorted(kinds))
    assert all((one.before or one.after) for one in compared.differences)


def test_patterns_are_compared_apart() -> None:
    other = replace(_ONE, pattern_id="PatId4")
    compared = compare([_ONE], [other])
    assert [one.kind for one in compared["PatId2"].differences] == [Kind.GONE]
    assert [one.kind for one in compared["PatId4"].differences] == [Kind.NEW]
