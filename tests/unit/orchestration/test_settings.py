import copy
import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG

from orchestration import variables
from orchestration.job_operator import JobOperator
from orchestration.settings import VARIABLE, Levels, Settings, SettingsError, parse_settings, settings_in_template


def test_settings_that_are_not_given_have_their_defaults() -> None:
    settings = parse_settings({"chunk_size": 5, "quarantine_share": {"warning": 0.2, "critical": 0.5}})
    assert settings == Settings(chunk_size=5, quarantine_share=Levels(warning=0.2, critical=0.5))


def test_a_lake_may_be_a_whole_bucket() -> None:
    assert parse_settings({"lake": "s3://bucket/"}).lake == "s3://bucket"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"chunksize": 5}, "unknown setting chunksize; the settings are source, lake"),
        ({"chunk_size": 0}, "chunk_size: input should be greater than 0, not 0"),
        ({"chunk_size": True}, "chunk_size: input should be a valid integer, not True"),
        ({"chunk_size": 1.5}, "chunk_size: input should be a valid integer, not 1.5"),
        ({"stuck_seconds": "9"}, "stuck_seconds: input should be a valid number, not '9'"),
        ({"stuck_seconds": True}, "stuck_seconds: input should be a valid number, not True"),
        ({"lake": "/data"}, "lake: /data is not an address of a store; use s3://"),
        ({"lake": "file:///data"}, "lake: file:///data is not in S3"),
        ({"lake": "s3://bucket/runs#1"}, "lake: s3://bucket/runs#1: an address cannot contain '#'"),
        ({"source": "s3://bucket/"}, "source: s3://bucket/ does not name an object"),
        ({"chunker_job": 7}, "chunker_job: input should be a valid string, not 7"),
        ({"commit_age_seconds": 7}, "commit_age_seconds: input should be a valid dictionary or instance of Levels"),
        ({"commit_age_seconds": {"warning": 2}}, "commit_age_seconds.critical: field required"),
        (
            {"commit_age_seconds": {"warning": 2, "critical": 1}},
            "commit_age_seconds: the warning level, 2, must not be above the critical one, 1",
        ),
    ],
)
def test_an_error_names_the_setting_its_value_and_what_is_allowed(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_settings(values)
    assert str(raised.value).startswith("Airflow variable transaction_patterns: ")
    assert said in str(raised.value)


def test_the_templates_of_one_try_read_the_settings_once_and_those_of_the_next_try_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[str] = []

    def read(name: str) -> str:
        reads.append(name)
        return json.dumps({"chunker_job": f"job-{len(reads)}"})

    monkeypatch.setattr(variables, "read_variable", read)
    with DAG("d", schedule=None, user_defined_macros={"settings": settings_in_template}) as dag:
        operator = JobOperator(
            task_id="t",
            databricks_conn_id="{{ settings().databricks_connection }}",
            job_name="{{ settings().chunker_job }}",
            job_parameters={"source": "{{ settings().source }}"},
        )
    for attempt in (1, 2):
        tried = copy.copy(operator)
        tried.render_template_fields({"ti": SimpleNamespace(id=f"try-{attempt}"), "dag": dag})  # type: ignore[typeddict-item]
        assert tried.job_name == f"job-{attempt}"
        assert reads == [VARIABLE] * attempt
