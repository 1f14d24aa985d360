"""The page's reader of a lake: its listings stay short, however long it runs or has not been used."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration.settings import Settings
from pattern_page import lake_reader
from pattern_page.lake_reader import LakeReader
from spark_jobs.lake import landing_times
from spark_jobs.lake.layout import QUARANTINE, chunk_path, quarantine_path
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.lake.offset import Offset, advance_offset, read_offset
from spark_jobs.store.objects import ListedObject, Objects, open_objects
from tests.unit.pattern_page.rows import NOW
from tests.unit.pattern_page.test_capped_objects import quarantine

CHUNK = 10_000


class World:
    """A lake whose chunks each have one quarantined line, and what is listed of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        self.lake = open_objects("memory:///lake")
        master_file = MasterFile(self.lake, "transactions.csv")
        storage: Any = SimpleNamespace(lake=self.lake, master_file=master_file, now=lambda: self.now)
        self.reader = LakeReader(Settings(chunk_size=CHUNK), storage, lambda: self.now)
        self.listed: list[str] = []
        listing = Objects.list_objects

        def recorded(objects: Objects, prefix: str, after: str = "") -> Iterator[ListedObject]:
            for found in listing(objects, prefix, after):
                self.listed.append(found.path)
                yield found

        monkeypatch.setattr(Objects, "list_objects", recorded)
        monkeypatch.setattr(lake_reader, "_CHUNKS_LISTED", 20)
        monkeypatch.setattr(landing_times, "_LISTED_AT_FIRST", 20)

    def land(self, chunks: int) -> None:
        before = read_offset(self.lake)
        first = before.offset.next_line if before else 0
        for line in range(first, first + chunks * CHUNK, CHUNK):
            quarantine(self.lake, line, 1)
            self.lake.write(chunk_path(line), b"")
        end = first + chunks * CHUNK
        advance_offset(self.lake, Offset(end, end, end, "", datetime.isoformat(self.now), ""), before)

    def read(self) -> tuple[int, int]:
        """Return how many quarantine files were listed, and how many of their lines are shown."""
        self.listed.clear()
        seen = self.reader.read().observation
        return sum(path.startswith(QUARANTINE) for path in self.listed), len(seen.latest_quarantined)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_the_first_listing_begins_near_the_landed_line(world: World) -> None:
    world.land(500)
    assert world.read() == (20, 20)
    assert quarantine_path(480 * CHUNK) in world.listed
    assert len(world.listed) <= 3 * 20


def test_only_what_is_new_is_listed_and_what_is_remembered_is_dropped_now_and_then(world: World) -> None:
    world.land(50)
    world.read()
    reads = []
    for _ in range(100):
        world.land(1)
        reads.append(world.read())
    assert set(reads) == {(1, 20), (20, 20)}
    assert reads.count((20, 20)) == 4


def test_after_a_break_the_listing_begins_near_the_landed_line_again(world: World) -> None:
    world.land(50)
    world.read()
    world.land(500)
    world.now += timedelta(hours=1)
    assert world.read() == (20, 20)


def test_an_empty_lake_is_read(world: World) -> None:
    assert world.read() == (0, 0)
    world.land(1)
    assert world.read() == (1, 1)
