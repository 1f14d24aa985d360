"""Which requests come from a web page of another origin."""

import pytest

from local.foreign_requests import reason_to_refuse

_HOST = {"host": "127.0.0.1:8085"}
_LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("POST", {}),
        ("GET", {"host": "localhost"}),
        ("GET", {"host": "LOCALHOST:1"}),
        ("GET", {"host": "databricks:8085"}),
        ("POST", {"origin": "http://127.0.0.1:8085", "sec-fetch-site": "same-origin"}),
        ("GET", {"sec-fetch-site": "none", **_LINK}),
        # As from Airflow, which has another port.
        ("GET", {"sec-fetch-site": "same-site", **_LINK}),
        ("GET", {"sec-fetch-site": "cross-site", **_LINK}),
    ],
)
def test_a_program_an_own_page_or_a_followed_link_is_accepted(method: str, headers: dict[str, str]) -> None:
    assert reason_to_refuse(method, _HOST | headers, ("127.0.0.1", "localhost", "databricks")) is None


@pytest.mark.parametrize(
    ("method", "headers", "reason"),
    [
        ("GET", {"host": "evil.example:8085"}, "The host 'evil.example:8085' is not one of 127.0.0.1, localhost"),
        ("GET", {"host": "127.0.0.1.evil.example"}, "The host"),
        ("GET", {"host": "evil.example@127.0.0.1, 127.0.0.1"}, "The host"),
        ("GET", {"host": "["}, "The host"),
        ("GET", {"host": ""}, "The host"),
        ("GET", {"origin": "http://evil.example"}, "of another origin, 'http://evil.example'"),
        ("GET", {"origin": "null"}, "of another origin"),
        ("GET", {"origin": ""}, "of another origin"),
        # Another server on this machine.
        ("POST", {"origin": "http://127.0.0.1:3000"}, "of another origin"),
        ("GET", {"sec-fetch-site": "cross-site"}, "Sec-Fetch-Site: cross-site"),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, "Sec-Fetch-Site: same-site"),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, "Sec-F"),
        ("POST", {"sec-fetch-site": "cross-site", **_LINK}, "Sec-Fetch-Site"),
    ],
)
def test_a_web_page_of_another_origin_is_refused(method: str, headers: dict[str, str], reason: str) -> None:
    assert reason in str(reason_to_refuse(method, _HOST | headers))
