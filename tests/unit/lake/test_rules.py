"""Versions of rules are created once, in order, and only if they are valid."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.errors import RulesError, RulesRaceLostError
from spark_jobs.lake.layout import rules_path
from spark_jobs.lake.rules import (
    RecordedAdoption,
    adoption_marks,
    find_rules,
    format_rules,
    parse_published,
    publish_rules,
    published_versions,
    read_adopted,
    recorded_adoptions,
)
from spark_jobs.publishing.cli import main
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.patterns.test_rules import pattern

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    return open_objects((tmp_path / "lake").as_uri())


def publish(lake: Objects, text: str, comment: str = "") -> int:
    return publish_rules(lake, text.encode(), "ann", comment, NOW).version


@given(st.text(), st.text())
def test_a_version_is_read_as_it_was_published(author: str, comment: str) -> None:
    body = pattern(id='"Ä"'.replace("Ä", "A")) + "\n\n# a note\n"
    try:
        found = parse_published(format_rules(body.encode(), author, comment, NOW, None), 3, "r.toml")
    except (RulesError, UnicodeEncodeError):
        # TOML has no text with control characters or halves of surrogate pairs.
        assert any(ord(letter) == 0x7F or 0xD800 <= ord(letter) < 0xE000 for letter in author + comment)
    else:
        assert (found.author, found.comment, found.published_at, found.body) == (author, comment, NOW, body)


def test_versions_are_consecutive_and_never_change(lake: Objects) -> None:
    assert published_versions(lake) == 0
    assert publish(lake, pattern()) == 1
    first = lake.find(rules_path(1))
    assert publish(lake, pattern(id='"B"')) == 2
    assert lake.find(rules_path(1)) == first
    assert published_versions(lake) == 2
    lake.delete([rules_path(1)])
    with pytest.raises(RulesError, match=r"rules/000001\.toml is missing, but later versions exist; restore it"):
        publish(lake, pattern())


def test_equal_rules_are_refused_however_they_are_written(lake: Objects) -> None:
    publish(lake, pattern())
    with pytest.raises(RulesError, match="equal to version 1, the newest one; nothing was published"):
        publish(lake, "# again\n" + pattern(when='["1 < transactions"]'))
    built_in = find_rules(open_objects("memory:///"), 0)
    assert built_in
    with pytest.raises(RulesError, match="equal to version 0"):
        publish(open_objects("memory:///"), built_in.body)


def test_ids_are_counted_over_the_life_of_the_lake(lake: Objects) -> None:
    # With the three built-in ones, there is room for 13.
    publish(lake, "".join(pattern(id=f'"A{n}"') for n in range(13)))
    publish(lake, pattern(id='"A1"'))
    for changes in ({"id": '"B"'}, {"id": '"A1"', "status": '"shadow"'}):
        with pytest.raises(RulesError, match="17 patterns over the life of the lake"):
            publish(lake, pattern(**changes))
    publish(lake, pattern(id='"B"', status='"paused"'))


def test_malformed_rules_are_refused_and_ones_that_exist_are_passed_over(lake: Objects) -> None:
    with pytest.raises(RulesError, match='pattern A, condition 1 "1 < 2", column 1: both sides are numbers'):
        publish(lake, pattern(when='["1 < 2"]'))
    lake.create(rules_path(1), b"[[pattern]]")
    assert publish(lake, pattern()) == 2
    with pytest.raises(RulesError, match="does not begin with"):
        find_rules(lake, 1)


def test_of_two_publishers_one_wins_and_the_other_is_told(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    create = Objects.create

    def late(self: Objects, path: str, data: bytes) -> bool:
        monkeypatch.setattr(Objects, "create", create)
        publish(lake, pattern(id='"OTHER"'))
        return self.create(path, data)

    monkeypatch.setattr(Objects, "create", late)
    with pytest.raises(RulesRaceLostError, match=r"000001\.toml: another publisher created it first.*rules show 1"):
        publish(lake, pattern())
    found = find_rules(lake, 1)
    assert found
    assert found.rule_set.patterns[0].id == "OTHER"
    assert publish(lake, pattern()) == 2


def test_a_lost_response_is_no_lost_race(lake: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    create = Objects.create

    def lost(self: Objects, path: str, data: bytes) -> bool:
        create(self, path, data)
        return False

    monkeypatch.setattr(Objects, "create", lost)
    assert publish(lake, pattern()) == 1


def test_the_record_of_adoptions_is_read_back_from_a_line_on() -> None:
    marks: dict[str, int] = {}
    adoptions = [RecordedAdoption(1, 0, 7), RecordedAdoption(2, 500, 8), RecordedAdoption(4, 900, 9)]
    for adoption in adoptions:
        marks |= adoption_marks(adoption)
    for since, expected in ((0, adoptions), (499, adoptions), (500, adoptions[1:]), (900, adoptions[2:])):
        assert recorded_adoptions(lambda name: marks.get(name), since) == expected
    assert recorded_adoptions(lambda _: None, 5) == []


def test_adopted_rules_that_are_missing_or_changed_stop_a_start(lake: Objects) -> None:
    digest = publish_rules(lake, pattern().encode(), "ann", "", NOW).digest
    assert read_adopted(lake, RecordedAdoption(1, 40, digest)).version == 1
    with pytest.raises(RulesError, match="has changed since it was adopted at line 40; restore it"):
        read_adopted(lake, RecordedAdoption(1, 40, digest + 1))
    with pytest.raises(RulesError, match=r"rules/000002\.toml is missing since it was adopted at line 40"):
        read_adopted(lake, RecordedAdoption(2, 40, digest))


def said(lake: Objects, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main([*arguments, "--lake", lake.url]) == 0
    return capsys.readouterr().out


def test_the_command_publishes_lists_shows_and_compares(
    lake: Objects, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(said(lake, capsys, "show").replace("transactions >= 80", "transactions >= 90"))
    said(lake, capsys, "publish", str(file), "--author", "ann", "--comment", "fewer children")
    assert "transactions >= 90" in said(lake, capsys, "show", "1")
    [built_in, first] = said(lake, capsys, "list").splitlines()
    assert built_in == "0\t-\t-\tthe built-in rules"
    assert first.startswith("1\t20")
    assert first.endswith("\tann\tfewer children")
    changed = [line for line in said(lake, capsys, "diff").splitlines() if line[:1] in "+-"]
    assert changed == ["--- version 0", "+++ version 1", "-  transactions >= 80", "+  transactions >= 90"]
    assert said(lake, capsys, "diff", "1", "1").strip() == ""
    # What is shown can be published again.
    file.write_text(said(lake, capsys, "show", "0"))
    assert "published version 2" in said(lake, capsys, "publish", str(file))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["publish"], 2), (["show", "x"], 2), (["list", "1"], 2), (["show", "7"], 70), (["publish", "/nowhere"], 70)],
)
def test_a_wrong_command_line_or_refusal_has_its_exit_code(lake: Objects, arguments: list[str], code: int) -> None:
    with pytest.raises(SystemExit) as raised:
        main([*arguments, "--lake", lake.url])
    assert raised.value.code == code
