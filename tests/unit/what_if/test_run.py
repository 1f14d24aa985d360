"""What-ifs on a lake: their range, their report, and what they leave behind."""

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spark_jobs.lake import what_if_report
from spark_jobs.lake.layout import chunk_path
from spark_jobs.lake.what_if_differences import differences_path
from spark_jobs.lake.what_if_report import Compared, WhatIfReport, parse_report
from spark_jobs.store.objects import Objects, open_objects
from spark_jobs.what_if.cli import main
from tests.unit.detector.test_replay import content
from tests.unit.what_if.conftest import CHUNK, LANDED, land

Report = Callable[..., WhatIfReport]

_RULES = """
[[pattern]]
id = "PatId2"
action = "CHILD"
subject = "pair"
when = ["transactions >= {}", "mean_amount < 23"]
"""
# The detector's own: each of the ten customers is a child at line 60.
_SAME = _RULES.format(6)
_NEW = """
[[pattern]]
id = "PatId4"
action = "SPENDER"
subject = "pair"
when = ["transactions >= 5"]
"""


def what_if(lake: Objects, rules: str, *arguments: str) -> int:
    return main(["--lake", lake.url, "--rules-text", rules, *arguments])


def refusal(lake: Objects, code: int, rules: str, *arguments: str) -> str:
    """Return the error of a what-if that exits with a code; "" if the command line is wrong."""
    with pytest.raises(SystemExit, match=f"^{code}$") as ended:
        what_if(lake, rules, *arguments)
    return str(ended.value.__cause__ or "")


@pytest.fixture
def report_of(lake: Objects, landing_format: str, capsys: pytest.CaptureFixture[str]) -> Report:
    """A function that runs a what-if and returns its report."""

    def run(rules: str, *arguments: str) -> WhatIfReport:
        capsys.readouterr()
        assert what_if(lake, rules, *arguments, "--format", "json", "--landing-format", landing_format) == 0
        return parse_report(capsys.readouterr().out.encode(), "stdout")

    return run


def counts(report: WhatIfReport, pattern: str = "PatId2") -> tuple[int, ...]:
    [one] = [one for one in report.patterns if one.pattern == pattern]
    return (one.same, one.new, one.gone, one.earlier, one.later)


@pytest.mark.parametrize("landing_format", ["csv", "delta"], indirect=True)
def test_unchanged_rules_find_the_same_and_leave_the_lake_unchanged(lake: Objects, report_of: Report) -> None:
    before = content(lake)
    for line, found in ((0, 10), (30, 10), (60, 0)):
        report = report_of(_SAME, "--from-line", str(line))
        assert counts(report) == (found, 0, 0, 0, 0)
        assert (report.request.from_line, report.request.through_line) == (line, LANDED)
        assert report.chunks == (LANDED - line) // CHUNK
        assert report.notes == []
    assert content(lake) == before


def test_other_rules_find_it_earlier_later_or_not_at_all(report_of: Report) -> None:
    assert counts(report_of(_RULES.format(3), "--from-line", "0")) == (0, 0, 0, 10, 0)
    assert counts(report_of(_RULES.format(9), "--from-line", "0")) == (0, 0, 0, 0, 10)
    report = report_of(_RULES.format(20), "--from-line", "0")
    assert counts(report) == (0, 0, 10, 0, 0)
    [one] = [one for one in report.patterns if one.pattern == "PatId2"]
    assert (one.conditions_before[0], one.conditions[0]) == ("transactions >= 6", "transactions >= 20")
    gone = one.examples[0]
    assert (gone.difference, gone.merchant, gone.customer, gone.line_before) == ("gone", "M1", "C0", 60)
    assert gone.evidence[0] == Compared("transactions >= 20", 12, 20, holds=False)
    assert [(c.value, c.threshold) for c in gone.evidence_before] == [(6, 6), (5, 23)]


def test_a_pattern_that_held_before_the_range_is_found_at_its_first_chunk(report_of: Report) -> None:
    report = report_of(_SAME + _NEW, "--from-line", "60")
    assert (counts(report), counts(report, "PatId4")) == ((0, 0, 0, 0, 0), (0, 10, 0, 0, 0))
    [one] = [one for one in report.patterns if one.pattern == "PatId4"]
    assert (one.status_before, one.status, one.new_held_before) == ("absent", "active", 10)
    assert {(example.line, example.held_before) for example in one.examples} == {(90, True)}
    assert "PatId4: 10 of 10 new ones held at line 60 already" in report.notes[0]
    assert [one.new_held_before for one in report_of(_SAME + _NEW, "--from-line", "0").patterns] == [0, 0, 0, 0]


def test_shadow_and_paused_patterns_are_compared_as_what_they_are(report_of: Report) -> None:
    report = report_of(f'{_SAME}status = "shadow"', "--from-line", "0")
    found = {
        (one.recorded_as, one.status_before, one.status): one for one in report.patterns if one.pattern == "PatId2"
    }
    assert found["active", "active", "shadow"].gone == found["shadow", "active", "shadow"].new == 10
    report = report_of(f'{_SAME}status = "paused"', "--from-line", "0")
    assert counts(report) == (0, 0, 10, 0, 0)
    [one] = [one for one in report.patterns if one.pattern == "PatId2"]
    assert (one.status, list(one.examples[0].evidence)) == ("paused", [])


def test_the_last_hours_begin_at_the_nearest_kept_line_below(lake: Objects, report_of: Report) -> None:
    root, now = Path(lake.url.removeprefix("file://")), datetime.now(UTC)
    for first, hours in ((0, 9), (30, 5), (60, 3), (90, 1)):
        at = (now - timedelta(hours=hours)).timestamp()
        os.utime(root / chunk_path(first), (at, at))
    for asked, line in (("2", 90), ("4", 60), ("3.5", 60), ("100", 0)):
        report = report_of(_SAME, "--last-hours", asked)
        assert (report.request.asked, report.request.from_line) == (f"--last-hours {asked}", line)
    lake.delete([chunk_path(0)])
    report = report_of(_SAME, "--last-hours", "100")
    assert (report.request.from_line, report.request.first_chunk_line, report.request.first_start_line) == (30, 30, 30)
    assert report.notes == ["Chunks below line 30 have expired and cannot be replayed."]


def test_a_recorded_report_is_made_once(lake: Objects, report_of: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("--from-line", "0", "--report", "r1")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("spark_jobs.what_if.run.create_report", killed)
        with pytest.raises(KeyboardInterrupt):
            what_if(lake, _RULES.format(9), *arguments)
    assert what_if_report.find_report(lake, "r1") is None
    land(lake, "csv", LANDED)
    report = report_of(_RULES.format(9), *arguments)
    assert report.request.through_line == LANDED, "the range is that of the first try"
    assert report == report_of(_RULES.format(9), *arguments) == what_if_report.find_report(lake, "r1")
    stored = lake.find(differences_path("r1"))
    assert stored
    rows = pq.read_table(io.BytesIO(stored.data)).to_pylist()
    assert {(row["report"], row["difference"], row["line_before"], row["line"]) for row in rows} == {
        ("r1", "later", 60, 90)
    }
    assert len(rows) == 10


def test_an_id_belongs_to_one_request(lake: Objects) -> None:
    assert what_if(lake, _SAME, "--from-line", "0", "--report", "r1") == 0
    before = content(lake)
    for rules, line in ((_RULES.format(9), "0"), (_SAME, "30")):
        said = refusal(lake, 70, rules, "--from-line", line, "--report", "r1")
        assert "what_if/r1/request.json asks for --from-line 0 with other rules" in said
    assert content(lake) == before


@pytest.mark.parametrize(
    ("rules", "arguments", "code", "said"),
    [
        (_SAME, ("--from-line", "31"), 70, "the nearest line whose state and chunks are kept is 30"),
        (_SAME, ("--from-line", "120"), 70, "has no committed line from line 120 on"),
        (_RULES.format("many"), ("--from-line", "0"), 70, "--rules-text: pattern PatId2, condition 1"),
        ("[[pattern]", ("--from-line", "0"), 70, "--rules-text: not TOML"),
        (_SAME, (), 2, "give either --from-line or --last-hours"),
        (_SAME, ("--from-line", "0", "--last-hours", "1"), 2, "give either --from-line or --last-hours"),
        (_SAME, ("--last-hours", "0"), 2, "not a number of hours above 0"),
        (_SAME, ("--from-line", "x"), 2, "'x' is not a line"),
        (_SAME, ("--from-line", "0", "--rules", "rules.toml"), 2, "give either --rules or --rules-text"),
        (_SAME, ("--from-line", "0", "--report", "a/b"), 2, "'a/b' is not an id of a report"),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_refused(
    lake: Objects, rules: str, arguments: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(lake)
    assert said in refusal(lake, code, rules, *arguments) + capsys.readouterr().err
    assert content(lake) == before


def test_a_lake_without_anything_committed_is_refused(tmp_path: Path) -> None:
    assert "its committed line is 0" in refusal(open_objects(tmp_path.as_uri()), 70, _SAME, "--last-hours", "24")


def test_rules_for_which_a_pair_has_no_room_are_refused(lake: Objects) -> None:
    many = "".join(_RULES.replace("PatId2", f"P{number}").format(6) for number in range(14))
    assert "17 patterns over the life of the lake" in refusal(lake, 70, many, "--from-line", "0")


def test_another_importance_file_than_the_detectors_is_noted(report_of: Report, tmp_path: Path) -> None:
    file = tmp_path / "importance.csv"
    file.write_text("Source,Target,Weight,typeTrans,fraud\nC1,M1,1.0,food,0\n")
    [note] = report_of(_SAME, "--from-line", "0", "--importance", file.as_uri()).notes
    assert note.startswith("The detector uses no importance file, this what-if the importance file with ETag")


def test_the_rules_come_from_a_file_or_a_url(lake: Objects, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(_SAME)
    for rules in (str(file), file.as_uri()):
        assert main(["--lake", lake.url, "--rules", rules, "--from-line", "0"]) == 0
    with pytest.raises(SystemExit, match="70"):
        main(["--lake", lake.url, "--rules", f"{file.as_uri()}.none", "--from-line", "0"])


def test_the_text_has_counts_notes_and_examples(lake: Objects, capsys: pytest.CaptureFixture[str]) -> None:
    assert what_if(lake, _RULES.format(20) + _NEW, "--from-line", "60") == 0
    assert what_if(lake, _RULES.format(20) + _NEW, "--from-line", "0") == 0
    said = capsys.readouterr().out
    assert "PatId4   absent → active  active          0   10     0        0      0\n" in said
    assert "  new: M1 C0 at line 90, held before\n    transactions >= 5: 9, threshold 5\n" in said
    assert "  gone: M1 C0, found at line 60\n    transactions >= 20: 12, threshold 20, does not hold\n" in said
