"""An explanation shows what the detector sees of a merchant and its customers."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from spark_jobs.errors import MerchantTooLargeError, UnknownNameError
from spark_jobs.explaining.cli import explanation, main
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA, all_pair_rows, restore_state
from spark_jobs.kernel.pair_state import PairState
from spark_jobs.lake.heartbeat import write_heartbeat
from spark_jobs.lake.layout import PAIRS
from spark_jobs.lake.merchant_state import read_merchant
from spark_jobs.lake.rules import publish_rules
from spark_jobs.patterns.detect import Detector, Reported
from spark_jobs.patterns.explain import explain
from spark_jobs.patterns.rules import parse_rules
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.delta import load_table, with_columns
from spark_jobs.store.objects import Objects, open_objects
from tests.unit.detector.test_rules_adoption import Running, always
from tests.unit.lake.test_state_tables import NOW
from tests.unit.patterns.test_detect_property import Case, cases, chunks_of
from tests.unit.patterns.test_rules import pattern


@given(cases())
def test_evidence_is_explained_by_the_same_values(case: Case) -> None:
    detector = Detector(PairState(), Reported(), Rules(case.rules, every_chunk=True), lambda: NOW)
    outcome = detector.advance(chunks_of(case.lines, [(0, case.chunk_ends[0])]))
    rows = all_pair_rows(detector.state, outcome.line)
    for found in outcome.detections:
        of_merchant = rows.filter([name == found.merchant for name in rows["merchant"].to_pylist()])
        state = restore_state(of_merchant)
        explained = {one.pattern.id: one for one in explain(case.rules, state, found.customer or None)}
        conditions = explained[found.pattern_id].conditions
        assert explained[found.pattern_id].reported
        assert {one.condition.text: one.left for one in conditions} == found.evidence
        assert {one.condition.text: one.right for one in conditions} == found.thresholds
        assert all(one.holds and one.off == 0 for one in conditions)


def test_percentiles_of_many_customers_are_explained_exactly() -> None:
    transactions = np.random.default_rng(1).integers(1, 1000, 700)
    pairs = pa.table(
        {
            "merchant": ["M1"] * 700,
            "customer": [f"C{number}" for number in range(700)],
            "transactions": transactions,
            **dict.fromkeys(("amount_paise", "weight_units", "weighted_transactions", "line"), transactions),
        }
    )
    when = '["transactions >= percentile(transactions, 90)", "share <= percentile(share, 10)"]'
    rules = parse_rules(pattern(when=when).encode(), "rules.toml")
    [explained] = explain(rules, restore_state(with_columns(pairs, PAIRS_SCHEMA)), "C500")
    at_least, at_most = explained.conditions
    assert (at_least.left, at_least.right) == (transactions[500], np.percentile(transactions, 90))
    assert at_most.right == np.percentile(transactions / transactions.sum(), 10)


@pytest.fixture
def lake(tmp_path: Path) -> Objects:
    """One chunk of 30 customers with one transaction each of ₹1, detected by published rules."""
    lake = open_objects(tmp_path.as_uri())
    far = pattern(id='"FAR"', when='["mean_amount >= 1000.5", "transactions >= 1"]', status='"paused"')
    publish_rules(lake, (always("A") + far).encode(), "ann", "", NOW)
    Running(lake).run(0)
    return lake


def test_each_condition_is_shown_with_how_far_it_is_off(lake: Objects) -> None:
    assert explanation(lake, "M1", "C7") == [
        "as of line 30, by version 1 of the rules",
        "",
        "A ACT: holds, reported at line 30 by version 1 (seq 27)",
        "  transactions >= 1: 1 >= 1: yes",
        "",
        "FAR ACT: does not hold, paused, not reported",
        "  mean_amount >= 1000.5: ₹1 >= ₹1,000.5: no, off by ₹999.5",
        "  transactions >= 1: 1 >= 1: yes",
    ]
    # Both are patterns of pairs.
    assert explanation(lake, "M1", None) == ["as of line 30, by version 1 of the rules"]


def test_an_unknown_merchant_or_customer_is_named(lake: Objects, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownNameError, match="no merchant 'M2' in the state, which is as of line 30; check the name"):
        explanation(lake, "M2", None)
    with pytest.raises(UnknownNameError, match="merchant 'M1' has no customer 'C99' as of line 30"):
        explanation(lake, "M1", "C99")
    assert main(["--lake", lake.url, "--merchant", "M1", "--customer", "C0"]) == 0
    assert re.search(r"^A ACT: holds", capsys.readouterr().out, re.MULTILINE)


def test_thresholds_of_the_detectors_command_line_are_in_force_until_rules_are_published(tmp_path: Path) -> None:
    lake = open_objects(tmp_path.as_uri())
    detector = Running(lake, child_transactions=1)
    detector.run(0)
    write_heartbeat(lake, replace(detector.heartbeat, thresholds={"child_transactions": 1}))
    shown = explanation(lake, "M1", "C7")
    assert shown[0] == "as of line 30, by version 0 of the rules"
    assert "  transactions >= 1: 1 >= 1: yes" in shown


def test_a_merchant_with_more_rows_than_allowed_is_refused_with_a_remedy(lake: Objects) -> None:
    table = load_table(lake.place(PAIRS))
    assert len(read_merchant(lake, table, "M1", 30).pairs) == 30
    with pytest.raises(MerchantTooLargeError, match=r"'M1' has more than 29 rows .* run `explain --lake"):
        read_merchant(lake, table, "M1", 29)
