"""Versions of the rules, and the findings of shadow patterns."""

import pyarrow as pa

from pattern_page.shadow import ShadowFindings
from spark_jobs.lake.layout import rules_path
from spark_jobs.patterns.detections import shadow_rows
from tests.unit.pattern_page.conftest import Page
from tests.unit.pattern_page.lake import SCRIPT_MERCHANT, PageLake, detected, read
from tests.unit.pattern_page.rows import detection
from tests.unit.patterns.test_rules import pattern

FIRST = pattern(id='"PatId2"', action='"CHILD"', when='["transactions >= 2"]')
SECOND = pattern(id='"PatId2"', action='"CHILD"', when='["transactions >= 1"]')
BIG = pattern(id='"BIG"', when='["total_amount > 4"]', status='"shadow"')


def test_versions_have_states_lines_and_changes(lake: PageLake, page: Page) -> None:
    detected(lake, lines=20)
    first = lake.publish(FIRST, "twice")
    lake.adopt(first, 20)
    second = lake.publish(SECOND + BIG, "once")
    lake.adopt(second, 20)
    # Not by `rules publish`, which would have refused it.
    lake.objects.write(rules_path(3), b"[version]\n")
    lake.publish(FIRST, "back")
    found = page.client.get("/api/rules").json()
    assert [(one["version"], one["state"], one["from_line"], one["comment"]) for one in found["versions"]] == [
        (4, "waiting", None, "back"),
        (3, "invalid", None, ""),
        (2, "in force", 20, "once"),
        (1, "replaced", 20, "twice"),
        (0, "replaced", 0, "the built-in rules with --threshold child_transactions=1"),
    ]
    assert "does not begin with [version]" in found["versions"][1]["invalid"]
    assert (found["in_force"], found["older"]) == (2, 0)
    assert found["patterns"] == [
        {"id": "BIG", "action": "ACT", "subject": "pair", "status": "shadow", "conditions": ["total_amount > 4"]},
        {"id": "PatId2", "action": "CHILD", "subject": "pair", "status": "active", "conditions": ["transactions >= 1"]},
    ]
    changed = page.client.get("/api/rules/2").json()
    assert [line for line in changed["diff"] if line[0] in "+-"][2:] == [
        "+BIG ACT pair shadow",
        "+  total_amount > 4",
        "-  transactions >= 2",
        "+  transactions >= 1",
    ]
    assert changed["text"].endswith(SECOND + BIG)
    assert page.client.get("/api/rules/3").json() == {"version": 3, "text": "[version]\n", "diff": []}
    # Compared with the last valid version.
    assert page.client.get("/api/rules/4").json()["diff"][0] == "--- version 2"
    assert [page.client.get(f"/api/rules/{version}").status_code for version in (0, 5, -1, 10**30)] == [
        200,
        404,
        404,
        404,
    ]


def test_the_built_in_rules_are_version_0_of_an_empty_lake(page: Page) -> None:
    found = page.client.get("/api/rules").json()
    assert [(one["version"], one["state"]) for one in found["versions"]] == [(0, "in force")]
    assert [one["id"] for one in found["patterns"]] == ["PatId1", "PatId2", "PatId3"]


def test_findings_in_shadow_are_counted_apart_and_shown_with_evidence(lake: PageLake, page: Page) -> None:
    lake.adopt(lake.publish(SECOND + BIG), 0)
    detected(lake, lines=30)
    state = page.state_when(read)
    assert (state["found"]["total"], state["found"]["by_pattern"]["PatId2"]) == (30, 30)
    assert state["found"]["shadow"] == [{"id": "BIG", "action": "ACT", "count": 30}]
    rows = page.client.get("/api/shadow").json()["rows"]
    assert len(rows) == 10
    assert {row["line"] for row in rows} == {30}
    assert {row["merchant"] for row in rows} == {"M1", SCRIPT_MERCHANT}
    [evidence] = rows[0]["evidence"]
    assert (evidence["name"], evidence["value"], evidence["sign"], evidence["threshold"]) == (
        "total amount",
        4.55,
        ">",
        4,
    )


def rows_of(pattern_id: str, *lines: int) -> pa.Table:
    return shadow_rows([detection(line // 10, pattern_id) for line in lines])


def test_the_latest_findings_of_each_pattern_are_kept() -> None:
    found = ShadowFindings().with_rows([rows_of("A", *range(0, 500, 10)), rows_of("B", 20)], capped=False)
    found = found.with_rows([rows_of("A", 500, 510)], capped=True)
    assert found.summary() == [{"id": "A", "action": "CHILD", "count": 52}, {"id": "B", "action": "CHILD", "count": 1}]
    assert [row["line"] for row in found.examples()] == [*range(510, 410, -10), 20]
    assert (found.line, found.capped) == (510, True)
