"""What a person sees who approves a change of the rules."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestration import rules_diff
from orchestration.rules_diff import describe_change
from spark_jobs.lake.what_if_report import (
    REPORT_FORMAT,
    Compared,
    Example,
    PatternReport,
    VersionInForce,
    WhatIfReport,
)
from spark_jobs.lake.what_if_request import WhatIfRequest

_REQUEST = WhatIfRequest(
    "--from-line 0", "# the rules\n", "", 0, 1200, 2, 0, 0, [], datetime(2026, 1, 1, 12, tzinfo=UTC)
)
_EVIDENCE = (Compared("transactions >= 80", 3, 80, False),)
_GONE = Example("gone", "M1", "C1", None, 700, False, _EVIDENCE, ())
_LATER = Example("later", "M1", "C2", 900, 800, False, (), ())
_CHANGED = PatternReport(
    "PatId2",
    "active",
    "active",
    "active",
    ["transactions >= 2"],
    ["transactions >= 80"],
    same=4,
    new=0,
    gone=1,
    earlier=0,
    later=1,
    new_held_before=0,
    examples=[_GONE, _LATER],
)
_UNCHANGED = replace(_CHANGED, pattern="PatId3", conditions=["transactions >= 2"], gone=0, later=0, examples=[])


def text(*patterns: PatternReport, rules: str = "# the rules\n", comment: str = "safer", by: str = "ann") -> str:
    request = replace(_REQUEST, rules=rules)
    versions, notes = [VersionInForce(2, 0)], ["Chunks below line 5 have expired."]
    report = WhatIfReport(REPORT_FORMAT, "s3://b/lake", request, "", 12, versions, patterns, notes)
    return describe_change(report, "r1", comment, by)


def test_the_whole_text() -> None:
    assert (
        text(_CHANGED, _UNCHANGED)
        == """\
`ann` asks to publish the rules below as version 3: `safer`

They were tried on lines 0 to 1,200 (12 chunks), and
are compared with what was found by version 2 from line 0.

| pattern | status | recorded as | same | new | gone | earlier | later |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |
| `PatId2` | active | active | 4 | 0 | 1 | 0 | 1 |
| `PatId3` | active | active | 4 | 0 | 0 | 0 | 0 |

- *Gone* is what the new rules do not find up to line 1,200.
- Detections that were reported stay, and are not reported again.
- Chunks below line 5 have expired.

#### `PatId2`, active: 1 gone, 1 later

```diff
- transactions >= 2
+ transactions >= 80
```

```text
gone: M1 C1, found at line 700
    transactions >= 80: 3, threshold 80, does not hold
```

#### The rules

```toml
# the rules
```"""
    )


def test_rules_that_change_nothing_are_said_to() -> None:
    assert "**No condition and no status changes, and nothing differs.**" in text(_UNCHANGED)


def test_a_promotion_names_both_tables() -> None:
    before = replace(_UNCHANGED, status_before="shadow", recorded_as="shadow", gone=4)
    body = text(before, replace(before, recorded_as="active", gone=0, new=4))
    assert "#### `PatId3`, shadow → active, recorded as shadow: 4 gone\n" in body
    assert "#### `PatId3`, shadow → active: 4 new\n" in body


@pytest.mark.parametrize(
    "name", ["![x](https://evil.example/x.png)", "<img src=x>", "a`b``c", "a\n# b", "https://x.y", "```"]
)
def test_names_are_shown_as_code_whatever_they_contain(name: str) -> None:
    body = text(replace(_CHANGED, examples=[replace(_GONE, merchant=name)]), rules=f"# {name}", comment=name, by=name)
    shown = name.replace("\n", "\\n")
    fence = "`" * (4 if "```" in name else 3)
    assert f"\n{fence}text\ngone: {shown} C1, found at line 700\n" in body
    around = "`" * (4 if "```" in name else 3 if "`" in name else 1)
    assert re.findall(f"(`+) ?{re.escape(shown)} ?(`+)", body.splitlines()[0]) == [(around, around)] * 2


def test_rules_cannot_end_their_block() -> None:
    assert text(rules="# a\n```\n# b").endswith("````toml\n# a\n```\n# b\n````")


def test_a_text_that_is_too_long_has_fewer_examples_and_says_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_diff, "_MAX_CHARACTERS", 2500)
    examples = [replace(_GONE, merchant=f"M{number}" + "x" * 1000) for number in range(10)]
    body = text(replace(_CHANGED, examples=examples))
    assert 0 < body.count("gone: ") < 10
    assert "More examples are in `s3://b/lake/what_if/r1/report.json`." in body
    assert body.endswith("```")
    assert len(body) < 2700
