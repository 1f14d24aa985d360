from typing import Any

import pytest

from orchestration.settings import Levels, Settings, SettingsError, parse_settings


def test_what_is_not_set_has_its_default() -> None:
    settings = parse_settings({"chunk_size": 5, "quarantine_share": {"warning": 0.2, "critical": 0.5}})
    assert settings == Settings(chunk_size=5, quarantine_share=Levels(0.2, 0.5))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"chunksize": 5}, "unknown setting chunksize; there are: source, lake"),
        ({"chunk_size": 0}, "chunk_size must be a positive whole number, it is 0"),
        ({"chunk_size": True}, "chunk_size must be a positive whole number, it is True"),
        ({"chunk_size": 1.5}, "chunk_size must be a positive whole number, it is 1.5"),
        ({"stuck_seconds": "9"}, "stuck_seconds must be a positive number, it is '9'"),
        ({"lake": "/data"}, "lake must be an s3:// address, it is '/data'"),
        ({"lake": "s3://bucket/runs#1"}, "lake: s3://bucket/runs#1: an address cannot contain '#'"),
        ({"source": "s3://bucket"}, "source: s3://bucket does not name an object"),
        ({"chunker_job": 7}, "chunker_job must be a text, it is 7"),
        ({"commit_age_seconds": 7}, 'commit_age_seconds must be an object with "warning" and "critical", it is 7'),
        ({"commit_age_seconds": {"warning": 2, "critical": 1}}, "a warning level that is not above the critical one"),
    ],
)
def test_a_setting_that_cannot_be_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_settings(values)
    assert str(raised.value).startswith("Airflow variable transaction_patterns: ")
    assert said in str(raised.value)
