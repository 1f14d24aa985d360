"""The app over HTTP: validation, caching, headers and credentials."""

import json
from datetime import timedelta

import pyarrow as pa
import pytest

from pattern_page.headers import SECURITY_HEADERS
from tests.unit.pattern_page.conftest import Page
from tests.unit.pattern_page.lake import PageLake, detected, lines_of, read, utc_now


def test_an_unchanged_state_is_not_sent_again(lake: PageLake, page: Page) -> None:
    detected(lake, lines=10)
    page.state_when(read)
    answer = page.client.get("/api/state")
    again = page.client.get("/api/state", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    lake.land()
    lake.upload(lines_of(20))
    lake.land()
    page.state_when(lambda state: state["lake"]["landed_line"] == 20)
    other = page.client.get("/api/state", headers={"If-None-Match": answer.headers["etag"]})
    assert other.status_code == 200


def test_the_state_stays_small(lake: PageLake, page: Page) -> None:
    detected(lake)
    now = utc_now()
    lake.write_history([(now - timedelta(minutes=1440 - at), 10**6 * at, 10**6 * at) for at in range(1440)])
    page.state_when(read)
    assert all(
        len(page.client.get("/api/state", params={"span": span}).content) < 8_000 for span in ("1h", "6h", "24h")
    )


def test_invalid_settings_are_shown(page: Page) -> None:
    broken = Page(lambda: {"chunksize": 7})
    state = broken.state_when(lambda state: len(state["problems"]) >= 2)
    assert "unknown setting chunksize" in state["problems"][0]["reason"]
    assert page.state_when(read)["problems"] == []


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/api/state", "/api/files/0", "/nothing", "/static/x"])
def test_every_response_has_the_security_headers(page: Page, path: str) -> None:
    answer = page.client.get(path)
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    kept = "private, no-cache" if path in ("/", "/static/page.js") else "no-store"
    assert answer.headers["cache-control"] == kept
    assert "unsafe-inline" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/state", {"span": "1y"}),
        ("/api/state", {"span": "1h\0"}),
        ("/api/files/-1", {}),
        (f"/api/files/{10**30}", {}),
        ("/api/files/1e3", {}),
        ("/static/..%2Fapp.py", {}),
        ("/openapi.json", {}),
        ("/docs", {}),
    ],
)
def test_invalid_requests_are_refused(page: Page, path: str, parameters: dict[str, str]) -> None:
    answer = page.client.get(path, params=parameters)
    assert answer.status_code in (404, 422)
    assert json.loads(answer.content)["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/api/state", "/api/files/1", "/static/page.js"])
def test_what_is_read_by_url_allows_only_get(page: Page, method: str, path: str) -> None:
    assert page.client.request(method, path).status_code == 405


def test_an_unchanged_asset_is_not_sent_again(page: Page) -> None:
    etag = page.client.get("/static/page.css").headers["etag"]
    assert page.client.get("/static/page.css", headers={"If-None-Match": etag}).status_code == 304


def test_the_credentials_of_the_connection_are_used_for_objects_and_tables(
    lake: PageLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    detected(lake, lines=20)
    keys = {name: lake.s3.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    connection = {
        "conn_type": "aws",
        "login": keys["AWS_ACCESS_KEY_ID"],
        "password": keys["AWS_SECRET_ACCESS_KEY"],
        "extra": {"endpoint_url": lake.s3.endpoint, "region_name": "us-east-1"},
    }
    for name in lake.s3.environment:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(connection))
    page = Page(lambda: {**lake.settings, "aws_connection": "lake"})
    state = page.state_when(read)
    assert (state["found"]["total"], state["lake"]["landed_line"]) == (20, 20)
    assert pa.Table.from_pylist(page.ask("/api/merchants")["rows"]).num_rows == 2
