"""A lake of four committed chunks, in which each of ten customers has three transactions a chunk."""

from pathlib import Path

import pandas as pd
import pytest

from spark_jobs.lake.landing import Chunk, open_landing
from spark_jobs.lake.recorded_settings import RecordedSettings, settings_metadata
from spark_jobs.lake.state_tables import StateTables
from spark_jobs.patterns.built_in import built_in_rules
from spark_jobs.patterns.detect import Detector
from spark_jobs.patterns.schedule import Rules
from spark_jobs.store.objects import Objects, open_objects
from spark_jobs.what_if.read_ahead import read_ahead
from tests.unit.lake.test_state_tables import NOW

CHUNK, LANDED = 30, 120
THRESHOLDS = {"child_transactions": 6.0}


@pytest.fixture(params=["csv"])
def landing_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lake(tmp_path: Path, landing_format: str) -> Objects:
    return landed_lake(tmp_path / "lake", landing_format)


def landed_lake(directory: Path, landing_format: str = "csv") -> Objects:
    """Make a lake of four committed chunks."""
    lake = open_objects(directory.as_uri())
    for first in range(0, LANDED, CHUNK):
        land(lake, landing_format, first)
    return lake


def land(lake: Objects, landing_format: str, first: int) -> None:
    """Land and commit the chunk at a line."""
    lines = range(first, first + CHUNK)
    rows = pd.DataFrame(
        {
            "line": lines,
            "customer": [f"C{line % 10}" for line in lines],
            "gender": "F",
            "merchant": "M1",
            "category": "food",
            "amount": "5.00",
        }
    )
    landing = open_landing(landing_format, lake)
    landing.create(first, rows)
    tables = StateTables(lake)
    loaded = tables.load()
    detector = Detector(loaded.pairs, loaded.reported, Rules(built_in_rules(THRESHOLDS), False), lambda: NOW)
    sums = list(read_ahead(landing, [Chunk(first, first + CHUNK)]))
    tables.commit(detector.advance(sums), settings_metadata(RecordedSettings("", THRESHOLDS)))
