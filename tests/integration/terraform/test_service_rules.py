"""AWS accepts every string of a plan: names, descriptions, tags and policies."""

from typing import Any

import pytest

from tests.integration.terraform.conftest import Plans
from tests.integration.terraform.service_rules import violations

_TERRAFORM = [pytest.mark.terraform, pytest.mark.slow]


@pytest.mark.parametrize("environment", [pytest.param(name, marks=_TERRAFORM) for name in ("dev", "prod")])
def test_the_services_accept_every_string(plans: Plans, environment: str) -> None:
    assert list(violations(plans.of(environment))) == []


@pytest.mark.parametrize(
    ("kind", "values", "violation"),
    [
        ("aws_security_group", {"description": "Airflow's components"}, "description does not match"),
        ("aws_vpc_security_group_egress_rule", {"description": "AWS → others"}, "description does not match"),
        ("aws_iam_role", {"description": "reads → writes"}, "description does not match"),
        ("aws_iam_role", {"name": "r" * 65}, "name has 65 characters, not 1 to 64"),
        ("aws_mwaa_environment", {"name": "1-airflow"}, "name does not match"),
        ("aws_mwaa_environment", {"webserver_access_mode": "PUBLIC"}, "webserver_access_mode must be one of"),
        ("aws_s3_bucket", {"bucket": "Lake"}, "bucket does not match"),
        ("aws_sns_topic", {"tags_all": {"Project": "a, b"}}, "tag Project does not match"),
        ("aws_new", {}, "is in none of the tables"),
    ],
)
def test_a_string_that_a_service_would_refuse_is_found(kind: str, values: dict[str, Any], violation: str) -> None:
    change = {"address": f"{kind}.x", "mode": "managed", "type": kind, "change": {"after": values}}
    [found] = violations({"resource_changes": [change]})
    assert violation in found


def test_what_the_services_accept_is_no_violation() -> None:
    values = {"description": "Airflow: traffic between its components (all)", "tags_all": {"Project": "a-b"}}
    change = {"address": "x", "mode": "managed", "type": "aws_security_group", "change": {"after": values}}
    assert list(violations({"resource_changes": [change]})) == []
