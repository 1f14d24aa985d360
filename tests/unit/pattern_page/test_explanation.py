"""A search shows each condition of each pattern, and names what it does not find."""

import asyncio
from typing import Any

import httpx
import pyarrow as pa
import pytest
from fastapi import FastAPI

from orchestration.dag_ids import DAG_IDS
from orchestration.settings import parse_settings
from pattern_page.app import Gates, create_app
from pattern_page.explanation import similar_names
from pattern_page.gate import Gate
from pattern_page.sources import Sources
from pattern_page.viewer import Viewer
from spark_jobs.errors import UnknownNameError
from spark_jobs.lake.merchant_state import MerchantState
from tests.unit.pattern_page.conftest import Page
from tests.unit.pattern_page.lake import SCRIPT_MERCHANT, PageLake, detected, read, utc_now
from tests.unit.pattern_page.test_gate import NEVER, Reads, until


def test_a_search_shows_values_thresholds_and_when_a_pattern_was_reported(lake: PageLake, page: Page) -> None:
    detected(lake, lines=30)
    page.state_when(read)
    found = page.ask("/api/explain", merchant="M1", customer="C1")
    assert (found["line"], found["version"], found["customers"], found["largest"]) == (30, 0, 27, [])
    upgrade, child, dei = found["patterns"]
    assert (upgrade["id"], upgrade["holds"], upgrade["reported"], upgrade["reports"]) == ("PatId1", False, False, [])
    assert upgrade["conditions"][0] == {
        "name": "merchant transactions",
        "sign": ">",
        "threshold_name": "",
        "unit": "",
        "value": 27,
        "threshold": 50_000,
        "off": 50_000 - 27,
        "holds": False,
    }
    # The threshold is that of the detector's command line.
    assert [(one["value"], one["threshold"], one["holds"]) for one in child["conditions"]] == [
        (1, 1, True),
        (4.55, 23, True),
    ]
    assert (child["holds"], child["reported"]) == (True, True)
    assert [(one["line"], one["version"], one["seq"]) for one in child["reports"]] == [(10, 0, 1)]
    assert (dei["subject"], dei["holds"]) == ("merchant", False)


def test_a_merchant_alone_shows_its_own_patterns_and_its_largest_customers(lake: PageLake, page: Page) -> None:
    detected(lake, lines=30)
    page.state_when(read)
    found = page.ask("/api/explain", merchant=SCRIPT_MERCHANT)
    assert [one["id"] for one in found["patterns"]] == ["PatId3"]
    assert (found["customers"], len(found["largest"])) == (3, 3)
    assert found["largest"][0]["transactions"] == 1


def test_what_is_not_found_is_named_with_similar_names(lake: PageLake, page: Page) -> None:
    detected(lake, lines=30)
    page.state_when(read)
    answers = {
        ("m1", ""): "There is no merchant 'm1' as of line 30; did you mean M1?",
        (
            "nobody",
            "",
        ): "There is no merchant 'nobody' as of line 30; its lines are not committed yet, or in quarantine",
        ("M1", "c1"): "Merchant 'M1' has no customer 'c1' as of line 30; did you mean C1, C11, C12?",
    }
    for (merchant, customer), detail in answers.items():
        answer = page.client.post("/api/explain", json={"merchant": merchant, "customer": customer})
        assert (answer.status_code, answer.json()["detail"]) == (404, detail)


def test_similar_names_contain_the_text_or_look_like_it() -> None:
    names = pa.chunked_array([["M100", "M200", "X100"], ["XM100"]])
    assert similar_names("m1", names) == ["M100", "XM100"]
    assert similar_names("M10O", names) == ["M100", "XM100"]
    assert similar_names("other", names) == []


def test_a_merchant_with_too_many_customers_is_refused(
    lake: PageLake, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    detected(lake, lines=20)
    monkeypatch.setattr("pattern_page.state_reader.EXPLAINED_ROWS", 17)
    answer = page.client.post("/api/explain", json={"merchant": "M1"})
    assert answer.status_code == 502
    assert "more than 17 rows" in answer.json()["detail"]
    assert page.ask("/api/explain", merchant=SCRIPT_MERCHANT)["customers"] == 2


def test_what_was_reported_is_known_even_if_its_detection_is_not_read(lake: PageLake, page: Page) -> None:
    detected(lake, lines=20)
    [_, child, _] = page.ask("/api/explain", merchant="M1", customer="C1")["patterns"]
    assert (child["reported"], child["reports"]) == (True, [])


def test_one_search_runs_at_a_time_and_does_not_delay_the_rest_of_the_page() -> None:
    reads = Reads()

    class StuckSources(Sources):
        def merchant_state(self, merchant: str) -> MerchantState:
            reads.read()
            raise UnknownNameError(merchant)

    async def run() -> None:
        sources = StuckSources(lambda: parse_settings({"chunksize": 1}), tuple, lambda _: tuple, utc_now)
        users = iter(range(100))
        app: FastAPI = create_app(
            sources,
            lambda: Viewer(f"user {next(users)}", frozenset(DAG_IDS)),
            utc_now,
            Gates(search=Gate(readers=1, per_user=1, seconds=NEVER)),
        )
        transport: Any = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            asked = [
                asyncio.create_task(client.post("/api/explain", json={"merchant": f"M{number}"})) for number in range(9)
            ]
            await until(lambda: reads.running == 1)
            assert (await client.post("/api/detections", json={})).status_code == 200
            reads.released.set()
            assert {answer.status_code for answer in await asyncio.gather(*asked)} == {404}
        assert (reads.most, reads.begun) == (1, 9)

    asyncio.run(run())
