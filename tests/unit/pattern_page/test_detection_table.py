from dataclasses import replace
from datetime import timedelta

import pytest

from pattern_page.detection_table import Detections, Filter, describe_evidence
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detections import Detection, detection_rows
from spark_jobs.patterns.measures import Subject
from tests.unit.pattern_page.rows import NOW, detection


def made(*detections: Detection) -> Detections:
    return Detections().with_rows(detection_rows(detections))


def _seconds(seq: int) -> int:
    return int((NOW + timedelta(seconds=seq)).timestamp())


def test_every_row_is_kept_once_in_the_order_of_seq() -> None:
    found = made(*(detection(seq) for seq in (2, 0, 1)))
    again = found.with_rows(detection_rows([detection(seq) for seq in (3, 1, 2)]))
    assert again.rows["seq"].to_pylist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("wanted", "seqs"),
    [
        (Filter(), [3, 2, 1, 0]),
        (Filter(pattern="PatId1"), [2]),
        (Filter(merchant="m1"), [2, 1, 0]),
        (Filter(customer="c2"), [3, 1]),
        (Filter(pattern="PatId2", merchant="M1", customer="C2"), [1]),
        (Filter(merchant=".*"), []),
    ],
)
def test_filters_match_parts_of_names_ignoring_case(wanted: Filter, seqs: list[int]) -> None:
    found = made(
        detection(0), detection(1, customer="C21"), detection(2, "PatId1"), detection(3, merchant="M2", customer="C2")
    )
    page = found.latest(wanted, limit=10)
    assert [row["seq"] for row in page["rows"]] == seqs
    assert (page["total"], page["next"]) == (len(seqs), None)


def test_pages_do_not_overlap_while_detections_are_added() -> None:
    found = made(*(detection(seq) for seq in range(5)))
    first = found.latest(Filter(), limit=2)
    later = found.with_rows(detection_rows([detection(5)]))
    second = later.latest(Filter(), limit=2, before=first["next"])
    last = later.latest(Filter(), limit=2, before=second["next"])
    assert [[row["seq"] for row in page["rows"]] for page in (first, second, last)] == [[4, 3], [2, 1], [0]]
    assert last["next"] is None


def test_a_detection_has_its_file_or_the_number_it_waits_for() -> None:
    found = made(*(detection(seq) for seq in range(60)))
    rows = {row["seq"]: row for row in found.latest(Filter(), limit=60)["rows"]}
    assert rows[0]["file"] == rows[49]["file"] == f"detections/detections_{_seconds(49)}_00000000.csv"
    assert (rows[50]["file"], rows[50]["file_number"], rows[50]["waiting_for"]) == (None, 1, 40)
    assert (found.file(-1), found.file(1)) == (None, None)


def test_detections_too_many_to_read_are_counted_and_the_latest_are_shown() -> None:
    found = made(*(detection(seq) for seq in range(120, 260)))
    assert (found.first, len(found), found.counts()["PatId2"]) == (120, 260, 140)
    page = found.latest(Filter(), limit=200)
    assert [row["seq"] for row in page["rows"]] == list(range(259, 119, -1))
    # File 2, of 100 to 149, is named after row 149, which was read; that of file 1 was not.
    assert page["rows"][-1]["file"] == found.file(2) == f"detections/detections_{_seconds(149)}_00000002.csv"
    assert (found.file(1), found.file(5)) == (None, None)


def test_after_a_gap_only_what_follows_is_kept() -> None:
    found = made(*(detection(seq) for seq in range(10)))
    later = found.with_rows(detection_rows([detection(seq) for seq in (3, 20, 21, 30, 31)]))
    assert (later.first, later.rows["seq"].to_pylist(), len(later)) == (30, [30, 31], 32)


def test_evidence_has_threshold_sign_and_unit() -> None:
    conditions = {"transactions >= percentile(transactions, 90)": 90.0, "mean_amount < merchant.mean_amount": 12.5}
    thresholds = {"transactions >= percentile(transactions, 90)": 80.0, "mean_amount < merchant.mean_amount": 23.0}
    one = replace(detection(0, evidence=conditions), thresholds=thresholds)
    [row] = made(one).latest(Filter(), limit=1)["rows"]
    assert [
        (e["name"], e["value"], e["sign"], e["threshold"], e["threshold_name"], e["unit"]) for e in row["evidence"]
    ] == [
        ("transactions", 90.0, "≥", 80.0, "percentile(transactions, 90)", ""),
        ("mean amount", 12.5, "<", 23.0, "merchant mean amount", "₹"),
    ]


def test_every_condition_of_the_built_in_patterns_is_described() -> None:
    shown = {
        pattern.id: [
            describe_evidence("" if pattern.subject is Subject.MERCHANT else "C1", {condition.text: 1.0}, {})[0]["sign"]
            for condition in pattern.conditions
        ]
        for pattern in BUILT_IN.patterns
    }
    assert shown == {"PatId1": [">", "≥", "≤"], "PatId2": ["≥", "<"], "PatId3": [">", "<"]}


def test_evidence_of_earlier_releases_is_described() -> None:
    names = {
        "merchant_transactions": ("merchant transactions", ">", ""),
        "transactions": ("transactions", "≥", ""),
        "mean_weight": ("mean weight", "≤", ""),
        "mean_amount": ("mean amount", "<", "₹"),
        "female_customers": ("female customers", ">", ""),
        "female_below_male_customers": ("female below male customers", "<", ""),
        "another": ("another", "compared with", ""),
    }
    shown = describe_evidence("C1", dict.fromkeys(names, 1.0), dict.fromkeys(names, 2.0))
    assert [(e["name"], e["sign"], e["unit"]) for e in shown] == list(names.values())
    assert {(e["value"], e["threshold"], e["threshold_name"]) for e in shown} == {(1.0, 2.0, "")}


def test_an_unknown_pattern_is_shown() -> None:
    found = made(detection(0), detection(1, "PatId9"))
    assert found.counts() == {"PatId1": 0, "PatId2": 1, "PatId3": 0, "PatId9": 1}
    assert dict(zip(found.patterns, found.actions, strict=True))["PatId9"] == "CHILD"


def test_there_may_be_no_detections() -> None:
    found = Detections()
    assert found.latest(Filter("PatId1", "m", "c"), limit=5) == {"total": 0, "rows": [], "next": None}
    assert found.counts() == {"PatId1": 0, "PatId2": 0, "PatId3": 0}
