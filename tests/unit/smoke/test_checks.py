"""How packages and the logs of runs are judged."""

import pytest

from smoke.checks import unsatisfied
from smoke.workspace import EndedRun, SmokeError

_LOG = '{"event": "batch", "lines": 1}\n{"outcome": "done", "chunks": 2}\n{"event": "chunker run ended"}\n'


def ended(result: str, log: str = "", error: str = "") -> EndedRun:
    return EndedRun(result, 3.0, 0.0, error, log, "https://example.org/run/1")


def test_a_missing_package_and_one_of_another_version_are_named() -> None:
    installed = {"pandas": "2.2.3", "deltalake": "2.0.0", "arro3-core": "0.8.1"}
    requirements = [
        "pandas<4,>=2.2",
        "obstore>=0.12",
        "deltalake<2,>=1.6",
        "arro3_core",
        'pyspark>=4; extra == "spark"',
    ]
    assert unsatisfied(installed, requirements) == ["obstore>=0.12, has none", "deltalake<2,>=1.6, has 2.0.0"]


def test_a_build_of_a_runtimes_own_meets_a_requirement() -> None:
    assert unsatisfied({"pyarrow": "19.0.1+databricks.1"}, ["pyarrow>=19"]) == []


def test_the_summary_of_a_run_is_found_among_its_events() -> None:
    assert ended("SUCCESS", _LOG).summary() == {"outcome": "done", "chunks": 2}


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (ended("FAILED", _LOG, "SystemExit: 75"), "the run ended with FAILED: SystemExit: 75; see https://example.org"),
        (ended("SKIPPED"), "the run ended with SKIPPED: no error was returned; see https://example.org/run/1"),
        (ended("SUCCESS"), "the log of the run has no summary of the job; see https://example.org/run/1"),
    ],
)
def test_a_run_without_a_summary_names_its_error_and_its_page(run: EndedRun, message: str) -> None:
    with pytest.raises(SmokeError, match=message):
        run.summary()
