"""`publish_rules`: the rules of a report become the next version, once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from spark_jobs.lake.rules import Review, find_rules, publish_rules, published_versions
from spark_jobs.lake.what_if_report import REPORT_FORMAT, WhatIfReport, create_report
from spark_jobs.lake.what_if_request import WhatIfRequest
from spark_jobs.publishing import cli
from spark_jobs.publishing.job import main
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.patterns.test_rules import pattern

_NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
_RULES = pattern() + "\n# as approved: ₹\n"


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    """A lake with version 1 of the rules, and the report r1 on others."""
    lake = open_objects(tmp_path.as_uri())
    publish_rules(lake, pattern(id='"B"').encode(), "ann", "", _NOW)
    request = WhatIfRequest("--from-line 0", _RULES, "", 0, 30, 1, 0, 0, [], _NOW)
    create_report(lake, "r1", WhatIfReport(REPORT_FORMAT, lake.url, request, "", 1, [], [], []))
    return lake


def publish(lake: Objects, *more: str, report: str = "r1", author: str = "ann", comment: str = "") -> int:
    return main([f"--lake={lake.url}", f"--report={report}", f"--author={author}", f"--comment={comment}", *more])


def test_what_was_reported_on_is_published_once(lake: Objects) -> None:
    for _ in range(2):
        assert publish(lake, comment="safer") == 0
        assert published_versions(lake) == 2
    found = find_rules(lake, 2)
    assert found
    assert (found.body, found.author, found.comment) == (_RULES, "ann", "safer")
    assert found.review == Review("r1", 1)


def test_a_version_names_who_asked_for_it_and_when_it_was_approved(
    lake: Objects, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(lake, "--requested-by=bob", f"--approved-at={_NOW.isoformat()}") == 0
    found = find_rules(lake, 2)
    assert found
    assert found.review == Review("r1", 1, "bob", _NOW)
    assert cli.main(["show", "2", "--lake", lake.url]) == 0
    shown = "# Requested by bob. Approved 2026-01-01T12:00:00+00:00. Report of the what-if: r1\n"
    assert shown in capsys.readouterr().out


def test_a_time_without_offset_is_refused(lake: Objects, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        publish(lake, "--approved-at=2026-01-01T12:00:00")
    assert "is not a time with a UTC offset" in capsys.readouterr().err


def test_rules_published_since_the_report_are_not_replaced(lake: Objects) -> None:
    publish_rules(lake, pattern(id='"C"').encode(), "bob", "", _NOW)
    with pytest.raises(SystemExit, match="70") as ended:
        publish(lake)
    assert "rules/000002.toml was published meanwhile by bob" in str(ended.value.__cause__)
    assert published_versions(lake) == 2


@pytest.mark.parametrize(
    ("report", "author", "code", "said"),
    [
        ("r2", "ann", 70, "what_if/r2/report.json does not exist; run what_if with --report r2 first"),
        ("", "ann", 2, "'' is not an id of a report"),
        ("r1", "", 2, "name the person who has approved the rules"),
    ],
)
def test_nothing_is_published_without_report_and_author(
    lake: Objects, report: str, author: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=str(code)) as ended:
        publish(lake, report=report, author=author)
    assert said in f"{ended.value.__cause__}{capsys.readouterr().err}"
    assert published_versions(lake) == 1
