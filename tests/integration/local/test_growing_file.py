from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local.growing_file import GrowingFile


class Client:
    """Keeps the last upload."""

    content = b""

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: ARG002, N803 - boto3's interface
        self.content = Body


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "transactions.csv"
    path.write_bytes(b"header\n" + b"".join(b"%d\n" % row for row in range(25)))
    return path


def growing(client: Any, path: Path, rows_per_second: float | None) -> GrowingFile:
    return GrowingFile(client, "bucket", "key", path, rows_per_second)


def test_only_the_header_is_there_until_the_file_is_told_to_grow(path: Path) -> None:
    client = Client()
    with closing(growing(client, path, 10)) as source:
        assert (client.content, source.rows, source.is_complete) == (b"header\n", 0, False)
        source.advance(0)
        assert source.rows == 0


def test_the_rows_of_each_second_are_added_until_the_end(path: Path) -> None:
    client = Client()
    with closing(growing(client, path, 10)) as source:
        found = []
        for seconds in (0.5, 1, 1.5, 2, 3, 4):
            source.advance(seconds)
            found.append((source.rows, source.is_complete))
    assert found == [(0, False), (10, False), (10, False), (20, False), (25, True), (25, True)]
    assert client.content == path.read_bytes()


def test_a_file_that_does_not_grow_is_there_at_once(path: Path) -> None:
    client = Client()
    with closing(growing(client, path, None)) as source:
        assert (client.content, source.rows, source.is_complete) == (path.read_bytes(), 25, True)
