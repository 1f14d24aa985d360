"""A real Airflow api-server with the page, a lake with data for every panel, and Chromium."""

import itertools
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    FrameLocator,
    Page,
    expect,
)

from local.airflow import LocalAirflow, local_airflow
from local.airflow_settings import USER
from local.databricks.server import local_databricks
from local.jobs import Lake, chunker_job
from local.s3 import LocalS3
from local.sample_data import write_sample
from pattern_page import LABEL
from spark_jobs.lake.heartbeat_history import Sample, format_history
from spark_jobs.lake.layout import HISTORY
from tests.harness.pipeline import ROOT
from tests.harness.rules_change import IN_FORCE
from tests.system.browser.chromium import browser as browser  # a fixture
from tests.system.browser.frame import await_scripts, page_frame
from tests.unit.pattern_page.lake import SCRIPT_MERCHANT, PageLake, line, utc_now
from tests.unit.patterns.test_rules import pattern

# The page polls every five seconds and receives data that was read after the previous poll.
expect.set_options(timeout=15_000)

IMAGES = ROOT / "docs" / "images"
HERE = Path(__file__).parent
FORMULA_CUSTOMER = "=1+1"
PHONE: Any = {"viewport": {"width": 360, "height": 780}}
DARK = {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"}
Shown = Page | FrameLocator
_ROWS, _CHUNK = 60_000, 1000
# The lines of the sample and those that `_fill` adds.
_LINES = _ROWS + 15
_MINUTES = 1440
_RULES = IN_FORCE.replace("< 23", "< 25")
_SHADOW = pattern(
    id='"PatId4"', action='"BIG-SPENDER"', when='["transactions >= 5", "mean_amount >= 60"]', status='"shadow"'
)


@dataclass(frozen=True)
class AirflowPage:
    """An Airflow whose page can be pointed at different lakes.

    Attributes:
        passwords: by user; `nobody` has no role.
    """

    airflow: LocalAirflow
    passwords: dict[str, str]
    lake: PageLake

    @property
    def url(self) -> str:
        return self.airflow.url

    def token(self, user: str) -> str:
        return self.airflow.token(user, self.passwords[user])

    def show(self, settings: dict[str, Any]) -> None:
        """Point the page at a lake, by changing the Airflow variable from which it reads its settings."""
        variable = {"key": "transaction_patterns", "value": settings}
        with self.airflow.client() as client:
            if client.post("/variables", json=variable).status_code == 409:
                client.patch("/variables/transaction_patterns", json=variable).raise_for_status()


def rows(shown: Shown, panel: str) -> Any:
    return shown.locator(f"#{panel} tbody > tr:not(.detail)").filter(has=shown.locator("button.open"))


@pytest.fixture(scope="package")
def airflow_page(s3: LocalS3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowPage]:
    directory = tmp_path_factory.mktemp("airflow-page")
    with (
        pytest.MonkeyPatch.context() as patch,
        local_databricks(directory / "databricks", s3.environment) as databricks,
    ):
        for name, value in s3.environment.items():
            patch.setenv(name, value)
        lake = PageLake(s3, "page", _CHUNK)
        _fill(lake, directory)
        workspace = WorkspaceClient(host=databricks.host, token=databricks.token)
        job = workspace.jobs.create(**chunker_job(Lake(lake.source, lake.url, chunk_size=_CHUNK)).as_shallow_dict())
        workspace.jobs.run_now(job.job_id or 0).result()
        connection = f"databricks://:{databricks.token}@{databricks.host.removeprefix('http://')}/http"
        environment = {
            **s3.environment,
            "AIRFLOW_CONN_DATABRICKS_DEFAULT": connection,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin,nobody:",
        }
        with local_airflow(directory / "airflow", directory / "logs", environment, only=("api-server",)) as airflow:
            passwords = json.loads((directory / "airflow" / "passwords.json").read_text())
            page = AirflowPage(airflow, passwords, lake)
            page.show(lake.settings)
            _airflow(airflow, "dags", "reserialize")
            # For a DAG with a deadline the command fails after the run (docs/decisions/0008): ignore its exit code.
            assert "measured: " in _airflow(airflow, "dags", "test", "watch_freshness")
            yield page


def _airflow(airflow: LocalAirflow, *arguments: str) -> str:
    command = [sys.executable, "-m", "airflow", *arguments]
    environment = {**os.environ, **airflow.environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _fill(lake: PageLake, directory: Path) -> None:
    """Fill the lake with an hour of detections of all patterns, hostile names, bad lines, and a day of history."""
    write_sample(directory, _ROWS, seed=3)
    _, *rows = (directory / "transactions.csv").read_bytes().splitlines(keepends=True)
    for number in range(12):
        rows.insert(1000 + 37 * number, line(FORMULA_CUSTOMER, SCRIPT_MERCHANT, "F", "1.00"))
    rows[59_000:59_000] = [b"only,<b>three</b>,fields\n", line(amount="not-a-number"), line(amount="-4")]
    lake.upload(b"".join(rows))
    lake.land()
    lake.adopt(lake.publish(_RULES, "children spend less than ₹25"), 20_000)
    lake.adopt(lake.publish(_RULES + _SHADOW, "try big spenders in shadow"), 40_000)
    now = utc_now()
    ticks = iter(range(10**9))
    lake.detect(lambda: min(now, now - timedelta(minutes=59) + timedelta(seconds=2.4 * next(ticks))))
    write_history(lake)
    lake.beat()


def write_history(lake: PageLake) -> None:
    """Write the last 24 hours of a detector's history."""
    now = utc_now()
    chance = random.Random(1)
    added = [30 + 15 * math.sin(minute / 200) + chance.randrange(12) for minute in range(_MINUTES)]
    landed = [round(_LINES * so_far / sum(added)) for so_far in itertools.accumulate(added)]
    first = int(now.timestamp() // 60) - _MINUTES
    samples = [
        Sample(first + minute, line, line - chance.choice((0, 0, 9)), 20, round(chance.uniform(3, 7), 1))
        for minute, line in enumerate(landed)
        # The detector was down for half an hour.
        if not 900 < minute < 930
    ]
    lake.objects.write(HISTORY, format_history(samples))


@dataclass
class Visitor:
    """A logged-in user with a browser; records the browser's complaints.

    Attributes:
        tab: the whole tab, including Airflow around the page.
        complaints: errors and warnings of the console, uncaught errors, dialogs.
    """

    page: AirflowPage
    context: BrowserContext
    tab: Page
    complaints: list[str] = field(default_factory=list)

    def open_alone(self, address: str = "") -> Page:
        """Open the page outside Airflow's frame."""
        self.tab.goto(f"{self.page.url}/pattern-detection/{address}")
        await_scripts(self.tab)
        return self.tab

    def open_in_airflow(self) -> FrameLocator:
        """Open the page from Airflow's menu."""
        self.tab.goto(self.page.url)
        self.tab.get_by_role("link", name=LABEL, exact=True).click()
        shown = page_frame(self.tab)
        await_scripts(shown)
        return shown


@pytest.fixture
def visitor(browser: Browser, airflow_page: AirflowPage, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """A visitor; the test fails if the browser complains."""
    options = getattr(request, "param", {"viewport": {"width": 1360, "height": 900}})
    context = browser.new_context(**options)
    context.set_default_timeout(20_000)
    context.add_cookies([{"name": "_token", "value": airflow_page.token(USER), "url": airflow_page.url}])
    visitor = Visitor(airflow_page, context, context.new_page())

    def console(message: ConsoleMessage) -> None:
        # Only messages about the page itself: not about Airflow and linked pages, nor Chromium's warning about the
        # sandbox of Airflow's frame.
        ours = "/pattern-detection/" in message.location["url"] and "can escape its sandboxing" not in message.text
        if message.type in ("error", "warning") and ours:
            visitor.complaints.append(f"{message.type}: {message.text}")

    def dialog(shown: Dialog) -> None:
        visitor.complaints.append(f"dialog: {shown.message}")
        shown.dismiss()

    context.on("console", console)
    context.on("weberror", lambda error: visitor.complaints.append(f"uncaught: {error.error}"))
    context.on("dialog", dialog)
    yield visitor
    context.close()
    assert visitor.complaints == []
