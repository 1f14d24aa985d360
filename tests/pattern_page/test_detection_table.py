from dataclasses import replace
from datetime import timedelta

import pytest

from pattern_page.csv_export import csv_pieces, escape_formula
from pattern_page.detection_table import Detections, Filter, describe_evidence
from spark_jobs.patterns.built_in import BUILT_IN
from spark_jobs.patterns.detections import Detection, detection_rows
from spark_jobs.patterns.measures import Subject
from tests.pattern_page.rows import NOW, detection


def made(*detections: Detection) -> Detections:
    return Detections().with_rows(detection_rows(detections))


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
    seconds = int((NOW + timedelta(seconds=49)).timestamp())
    assert rows[0]["file"] == rows[49]["file"] == f"detections/detections_{seconds}_00000000.csv"
    assert (rows[50]["file"], rows[50]["file_number"], rows[50]["waiting_for"]) == (None, 1, 40)
    assert (found.file(-1), found.file(1)) == (None, None)


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


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_escaped(text: str) -> None:
    assert escape_formula(text) == f"'{text}"
    found = made(detection(0, merchant=text, customer="C1"))
    data = b"".join(csv_pieces(found.rows)).decode()
    assert f"'{text}" in data


def test_a_download_has_every_row_with_its_evidence() -> None:
    found = made(*(detection(seq) for seq in range(1500)))
    lines = b"".join(csv_pieces(found.rows)).decode().splitlines()
    assert lines[0] == "seq,line,detectionTime,patternId,ActionType,customerName,MerchantId,evidence,thresholds"
    assert len(lines) == 1501
    assert lines[1] == (
        "0,0,2026-01-01T12:00:00+00:00,PatId2,CHILD,C1,M1,"
        "transactions=90; mean_amount=12.5,transactions=80; mean_amount=23"
    )


def test_there_may_be_no_detections() -> None:
    found = Detections()
    assert found.latest(Filter("PatId1", "m", "c"), limit=5) == {"total": 0, "rows": [], "next": None}
    assert found.counts() == {"PatId1": 0, "PatId2": 0, "PatId3": 0}
