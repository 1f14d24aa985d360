"""Access to the page in a real Airflow."""

import httpx
import jwt
import pytest

from pattern_page import LABEL, ROUTE
from tests.system.browser.conftest import AirflowPage

pytestmark = [pytest.mark.processes, pytest.mark.slow]

ASSETS = ("/", "/static/page.js", "/static/icon.svg")
QUESTIONS = ("/api/detections", "/api/detections.csv", "/api/merchants", "/api/merchants/history", "/api/explain")
SEEN = ("/api/state", "/api/rules", "/api/rules/0", "/api/shadow", *QUESTIONS)
DATA = ("/api/files/0", *SEEN)
BROWSER = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def get(page: AirflowPage, path: str, **options: object) -> httpx.Response:
    """Request a path as the page does: questions are posted."""
    method, question = (
        ("POST", {"merchant": "M1823072687"} if path in QUESTIONS[3:] else {}) if path in QUESTIONS else ("GET", None)
    )
    url = f"{page.url}/pattern-detection{path}"
    return httpx.request(method, url, json=question, timeout=30, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [*ASSETS, *DATA, "/nothing"])
def test_without_a_login_nothing_is_served(airflow_page: AirflowPage, path: str) -> None:
    answer = get(airflow_page, path)
    expected = 404 if path == "/nothing" else 401
    assert answer.status_code == expected
    assert "M1823072687" not in answer.text


FORGED = jwt.encode({"sub": "admin", "role": "admin", "exp": 4_000_000_000, "iat": 0, "nbf": 0}, "x" * 64, "HS512")


@pytest.mark.parametrize("token", ["not-a-token", FORGED], ids=["malformed", "forged signature"])
def test_an_invalid_token_is_refused(airflow_page: AirflowPage, token: str) -> None:
    assert get(airflow_page, "/api/state", cookies={"_token": token}).status_code in (401, 403)
    assert get(airflow_page, "/api/state", headers={"Authorization": f"Bearer {token}"}).status_code in (401, 403)


def test_a_browser_without_a_login_is_redirected_to_airflows_login_and_back(airflow_page: AirflowPage) -> None:
    answer = get(airflow_page, "/", headers=BROWSER)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/api/v2/auth/login?next=%2Fplugin%2Fpattern-detection"
    login = httpx.get(f"{airflow_page.url}{answer.headers['location']}", timeout=30)
    assert login.status_code == 307
    assert login.headers["location"].endswith("/auth/login?next=%2Fplugin%2Fpattern-detection")


@pytest.mark.parametrize("path", [*ASSETS, *DATA])
def test_a_user_without_a_role_cannot_see_the_page(airflow_page: AirflowPage, path: str) -> None:
    assert get(airflow_page, path, cookies={"_token": airflow_page.token("nobody")}).status_code == 403


@pytest.mark.parametrize("path", [*ASSETS, *SEEN])
def test_a_logged_in_user_has_access_by_cookie_and_by_bearer_token(airflow_page: AirflowPage, path: str) -> None:
    token = airflow_page.token("admin")
    assert get(airflow_page, path, cookies={"_token": token}).status_code == 200
    assert get(airflow_page, path, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_airflows_navigation_contains_the_page(airflow_page: AirflowPage) -> None:
    with airflow_page.airflow.client() as client:
        plugins = client.get("/plugins").json()["plugins"]
        errors = client.get("/plugins/importErrors").json()
    [view] = [view for plugin in plugins if plugin["name"] == "pattern_detection" for view in plugin["external_views"]]
    assert (view["name"], view["destination"], view["url_route"]) == (LABEL, "nav", ROUTE)
    assert errors["total_entries"] == 0
