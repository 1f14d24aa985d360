"""Following the how-to "Add a pattern" literally adds a working pattern."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from local.s3 import LocalS3
from spark_jobs.store.delta import storage_options
from spark_jobs.store.objects import open_objects
from tests.harness.pipeline import ROOT
from tests.integration.docs.pages import block_of

pytestmark = [pytest.mark.processes, pytest.mark.slow]

_LAKE = "s3://transactions/fourth-pattern"
_SPENDERS = 60
# Requests the page as a browser would.
_ASK_PAGE = """
import json, sys
from tests.unit.pattern_page.conftest import Page
page = Page(lambda: {"source": sys.argv[1] + ".csv", "lake": sys.argv[1]})
state = page.state_when(lambda state: state["found"] and sum(state["found"]["by_pattern"].values()))
rows = page.ask("/api/detections", pattern="PatId4")["rows"]
print(json.dumps({"found": state["found"], "rows": rows}))
"""


def ran(environment: Mapping[str, str], *command: str) -> str:
    path = os.pathsep.join(map(str, (ROOT / "plugins", ROOT)))
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def master_file() -> bytes:
    lines = ["customer,gender,merchant,category,amount"]
    for _ in range(5):
        lines += [f"S{number},F,M-GOLD,jewels,1500.00" for number in range(_SPENDERS)]
        lines += [f"C{number},M,M-GOLD,jewels,900.00" for number in range(_SPENDERS)]
    return ("\n".join(lines) + "\n").encode()


def test_a_fourth_pattern_is_in_files_tables_counts_and_page(
    tmp_path: Path, s3: LocalS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    open_objects("s3://transactions").write("fourth-pattern.csv", master_file())
    lake = open_objects(_LAKE)
    source = f"{_LAKE}.csv"
    chunker = ("-m", "spark_jobs.chunker.cli", "--source", source, "--lake", _LAKE)
    ran(s3.environment, *chunker, "--chunk-size", "100", "--max-chunks", "10")
    rules = ("-m", "spark_jobs.publishing.cli")
    file = tmp_path / "rules.toml"
    file.write_text(ran(s3.environment, *rules, "show", "--lake", _LAKE) + block_of("how-to/add-a-pattern.md", "toml"))
    ran(s3.environment, *rules, "publish", str(file), "--lake", _LAKE, "--author", "ann")
    detector = ("-m", "spark_jobs.detector.cli", "--lake", _LAKE, "--available-now")
    ran(s3.environment, *detector)

    [path] = list(lake.list_after("detections", ""))
    stored = lake.find(path)
    assert stored
    rows = list(csv.DictReader(io.StringIO(stored.data.decode())))
    assert {(row["patternId"], row["ActionType"], row["MerchantId"]) for row in rows} == {
        ("PatId4", "BIG-SPENDER", "M-GOLD")
    }
    assert {row["customerName"] for row in rows} < {f"S{number}" for number in range(_SPENDERS)}

    table = DeltaTable(lake.place("state/detections"), storage_options=storage_options()).to_pyarrow_table()
    assert table.num_rows == _SPENDERS
    assert dict(table.column("evidence")[0].as_py()) == {"transactions >= 5": 5.0, "mean_amount >= 1000": 1500.0}

    heartbeat = lake.find("state/detector.json")
    assert heartbeat
    assert json.loads(heartbeat.data)["detections"] == {"PatId4": _SPENDERS}
    assert json.loads(heartbeat.data)["rules_version"] == 1

    said = ran(s3.environment, "-c", _ASK_PAGE, _LAKE)
    page: dict[str, Any] = next(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    assert {"id": "PatId4", "action": "BIG-SPENDER"} in page["found"]["patterns"]
    assert page["found"]["by_pattern"]["PatId4"] == _SPENDERS
    assert [(entry["sign"], entry["threshold"], entry["unit"]) for entry in page["rows"][0]["evidence"]] == [
        ("≥", 5.0, ""),
        ("≥", 1000.0, "₹"),
    ]
