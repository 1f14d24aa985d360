"""The data of the page, from real lakes on a local S3."""

import csv
import io
from datetime import timedelta

import pytest
from deltalake import DeltaTable

from spark_jobs.lake import layout
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.lake.state_version import Writer
from spark_jobs.store.delta import storage_options
from spark_jobs.store.objects import open_object
from tests.unit.pattern_page.conftest import Page
from tests.unit.pattern_page.lake import SCRIPT_MERCHANT, PageLake, detected, line, lines_of, read, utc_now


def test_an_empty_lake_is_idle_and_shows_what_is_missing(page: Page) -> None:
    first = page.state()
    assert first["loading"]
    assert first["chunker"]["level"] == "unknown"
    state = page.state_when(read)
    assert not state["loading"]
    assert (state["chunker"]["level"], state["detector"]["level"]) == ("idle", "idle")
    assert "There is no master file yet" in state["chunker"]["reason"]
    assert (state["lake"]["landed_line"], state["found"]["total"]) == (0, 0)
    assert page.ask("/api/detections") == {"total": 0, "rows": [], "next": None}
    assert page.ask("/api/merchants")["rows"] == []


def test_progress_and_detections_are_shown(lake: PageLake, page: Page) -> None:
    detected(lake)
    lake.write_history([(utc_now() - timedelta(minutes=3 - at), 40 * at, 40 * at) for at in range(4)])
    state = page.state_when(read)
    assert (state["chunker"]["level"], state["detector"]["level"]) == ("ok", "ok")
    assert (state["lake"]["landed_line"], state["lake"]["committed_line"], state["lake"]["lag_lines"]) == (120, 120, 0)
    assert state["lake"]["chunks_per_minute"] == 12 / 5
    assert state["lake"]["source_bytes"] == state["lake"]["landed_bytes"]
    assert state["found"]["by_pattern"] == {"PatId1": 0, "PatId2": 120, "PatId3": 0}
    assert (state["found"]["files"], state["found"]["in_next_file"], state["found"]["merchants"]) == (2, 20, 2)
    assert sum(state["plots"]["detections"]["PatId2"]) == 120
    assert [value for value in state["plots"]["committed"] if value is not None] == [40, 40]
    assert state["problems"] == []


def test_lag_is_in_lines_and_in_seconds(lake: PageLake, page: Page) -> None:
    detected(lake)
    lake.upload(lines_of(200))
    lake.land()
    state = page.state_when(read)
    assert state["lake"]["lag_lines"] == 80
    assert 0 <= state["lake"]["lag_seconds"] < 60
    assert "catching up" in state["detector"]["reason"]


def test_the_lag_of_a_delta_landing_zone_is_from_the_history(lake: PageLake, page: Page) -> None:
    lake.landing_format = "delta"
    detected(lake)
    lake.upload(lines_of(200))
    lake.land()
    now = utc_now()
    lake.write_history([(now - timedelta(minutes=at), 120 if at > 2 else 200, 120) for at in (4, 3, 2, 1)])
    state = page.state_when(read)
    assert state["lake"]["chunks_per_minute"] is None
    assert state["lake"]["lag_lines"] == 80
    assert 120 <= state["lake"]["lag_seconds"] < 200
    assert state["detector"]["level"] == "late"


def test_the_chunker_is_late_once_lines_have_waited(lake: PageLake) -> None:
    detected(lake)
    settings = {**lake.settings, "landing_age_seconds": {"warning": 1, "critical": 600}}
    page = Page(lambda: settings)
    assert page.state_when(read)["chunker"]["level"] == "ok"
    lake.upload(lines_of(130))
    state = page.state_when(lambda state: state["chunker"]["level"] == "late")
    assert "Lines of the master file have waited" in state["chunker"]["reason"]
    lake.land()
    page.state_when(lambda state: state["chunker"]["level"] == "ok")


def test_an_unfinished_line_does_not_make_the_chunker_late(lake: PageLake) -> None:
    detected(lake)
    settings = {**lake.settings, "landing_age_seconds": {"warning": 0.001, "critical": 0.002}}
    folder, name = open_object(lake.source)
    stored = folder.find(name)
    assert stored
    folder.write(name, stored.data + b"0,C1,4,F")
    state = Page(lambda: settings).state_when(read)
    assert state["chunker"] == {"level": "ok", "reason": "Every finished line of the master file is landed."}


def test_new_rows_appear_once(lake: PageLake, page: Page) -> None:
    detected(lake, lines=40)
    before = page.state_when(read)["found"]
    lake.upload(lines_of(70))
    lake.land()
    lake.detect()
    after = page.state_when(lambda state: state["found"]["version"] != before["version"])["found"]
    page.state_when(lambda state: state["found"]["total"] == 70)
    assert after["total"] <= 70
    first = page.ask("/api/detections")
    rows = [*first["rows"]]
    while first["next"] is not None:
        first = page.ask("/api/detections", before=first["next"])
        rows += first["rows"]
    assert [row["seq"] for row in rows] == list(range(69, -1, -1))


def test_the_download_is_filtered_like_the_table(lake: PageLake, page: Page) -> None:
    detected(lake)
    page.state_when(read)
    found = page.ask("/api/detections", pattern="PatId2", merchant="<script", customer="C1")
    assert {row["merchant"] for row in found["rows"]} == {SCRIPT_MERCHANT}
    assert found["total"] == len([n for n in range(0, 120, 10) if "C1" in f"C{n}"])
    answer = page.client.post("/api/detections.csv", json={"merchant": "<script"})
    assert "attachment" in answer.headers["content-disposition"]
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 12


def test_a_detection_file_is_shown_byte_for_byte_once_it_is_written(lake: PageLake, page: Page) -> None:
    detected(lake)
    page.state_when(read)
    [row] = page.ask("/api/detections", customer="C49")["rows"]
    answer = page.client.get(f"/api/files/{row['file_number']}")
    stored = lake.objects.find(row["file"])
    assert stored
    assert answer.content == stored.data
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    [waiting] = page.ask("/api/detections", customer="C119")["rows"]
    assert (waiting["file"], waiting["waiting_for"]) == (None, 30)
    assert page.client.get(f"/api/files/{waiting['file_number']}").status_code == 404


def test_merchants_are_sorted_and_have_a_history(lake: PageLake, page: Page) -> None:
    detected(lake)
    page.state_when(read)
    found = page.ask("/api/merchants", sort="transactions", order="ascending")
    assert [(row["merchant"], row["transactions"], row["detections"]) for row in found["rows"]] == [
        (SCRIPT_MERCHANT, 12, 12),
        ("M1", 108, 108),
    ]
    assert [row["customers"] for row in found["rows"]] == [12, 108]
    history = page.ask("/api/merchants/history", merchant=SCRIPT_MERCHANT)["rows"]
    assert [row["line"] for row in history] == list(range(10, 130, 10))
    assert history[-1]["transactions"] == 12
    assert page.ask("/api/merchants/history", merchant="nobody")["rows"] == []


def test_quarantined_lines_are_shown_with_their_reasons(lake: PageLake, page: Page) -> None:
    lake.upload(line() * 15 + b"only,three,fields\n" + line(amount="-4") + line() * 3)
    lake.land()
    state = page.state_when(read)
    quarantine = state["lake"]["quarantine"]
    assert (quarantine["lines"], quarantine["of"], quarantine["level"]) == (2, 20, "late")
    assert [(entry["line"], entry["raw"]) for entry in quarantine["latest"]] == [
        (16, line(amount="-4").decode().strip()),
        (15, "only,three,fields"),
    ]
    assert "negative" in quarantine["latest"][0]["reason"]


@pytest.mark.parametrize(
    ("path", "data", "job", "reason"),
    [
        (layout.OFFSET, b"?", "chunker", "offset.csv"),
        (layout.HEARTBEAT, b"?", "detector", "not a heartbeat of this release"),
    ],
)
def test_an_unreadable_object_is_named_and_everything_else_is_shown(
    lake: PageLake, page: Page, path: str, data: bytes, job: str, reason: str
) -> None:
    detected(lake)
    lake.objects.write(path, data)
    state = page.state_when(read)
    assert state[job]["level"] == "down"
    assert reason in state[job]["reason"]
    assert state["found"]["total"] == 120


def test_an_unreadable_history_affects_only_the_plots(lake: PageLake, page: Page) -> None:
    detected(lake)
    lake.objects.write(layout.HISTORY, b"?")
    state = page.state_when(read)
    assert [problem["title"] for problem in state["problems"]] == ["There are no plots of lag and throughput"]
    assert state["detector"]["level"] == "ok"


def test_a_state_of_a_newer_version_is_not_misread(lake: PageLake, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("spark_jobs.lake.state_version.STATE_VERSION", 4)
        newer.setattr("spark_jobs.lake.state_version._VERSIONS", {Writer.DELTALAKE: 4})
        detected(lake)
    state = page.state_when(lambda state: state["problems"] and state["lake"])
    [problem] = state["problems"]
    assert problem["title"] == "The state was written by another release"
    assert "has state version 4, this release reads 1 to 3" in problem["reason"]
    # The lake is shown regardless.
    assert state["lake"]["landed_line"] == 120
    assert page.ask("/api/detections")["rows"] == []


def test_missing_storage_is_a_problem_not_lateness(lake: PageLake) -> None:
    detected(lake)
    settings = lake.settings
    page = Page(lambda: settings)
    before = page.state_when(read)
    settings = {**settings, "lake": "s3://no-such-bucket/lake"}
    state = page.state_when(lambda state: len(state["problems"]) == 2)
    assert [problem["title"] for problem in state["problems"]] == [
        "The lake cannot be read",
        "Detections and merchants cannot be read",
    ]
    assert all(problem["since"] for problem in state["problems"])
    assert {state["chunker"]["level"], state["detector"]["level"]} == {"unknown"}
    # The last values remain.
    assert state["lake"]["landed_line"] == before["lake"]["landed_line"]
    assert page.ask("/api/detections")["total"] == 120


def test_a_compacted_table_is_read_on(lake: PageLake, page: Page) -> None:
    detected(lake, lines=60)
    page.state_when(read)
    url = f"{lake.url}/{layout.DETECTIONS}"
    DeltaTable(url, storage_options=storage_options()).optimize.compact()
    lake.upload(lines_of(80))
    lake.land()
    lake.detect()
    page.state_when(lambda state: state["found"]["total"] == 80)
    assert StateTables(lake.objects).load().reported.next_seq == 80
