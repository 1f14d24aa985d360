"""The site builds without warnings, so every page is reachable and every link between pages resolves."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.pipeline import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(directory / "doctrees")]
    done = subprocess.run([*command, "docs", str(directory)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return directory


def test_the_reference_is_generated_from_the_code(site: Path) -> None:
    pages = {path.stem: path.read_text() for path in (site / "reference" / "from-code").glob("*.html")}
    assert "--landing-format" in pages["commands"]
    assert "SecondDetectorError" in pages["errors"]
    assert "child_mean_amount" in pages["thresholds"]
    assert "commit_age_seconds" in pages["airflow-settings"]
    assert "weighted_transactions" in pages["tables"]
    assert "source_check" in pages["small-files"]
    assert "/api/2.2/jobs/run-now" in pages["local-databricks"]
    assert "protect_data" in pages["terraform-variables"]


def test_a_page_loads_nothing_from_other_hosts(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert 'src="http' not in text
    assert 'rel="stylesheet" type="text/css" href="http' not in text
