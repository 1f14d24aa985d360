import os
from pathlib import Path

import pytest

from local.s3 import LocalS3, local_s3
from tests.harness.pipeline import wait_until


def test_a_taken_port_is_reported(s3: LocalS3, tmp_path: Path) -> None:
    port = int(s3.endpoint.rpartition(":")[2])
    with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is taken"), local_s3(tmp_path / "log", port):
        pass


def test_the_server_ends_with_the_context(tmp_path: Path) -> None:
    with local_s3(tmp_path / "log") as server:
        assert Path(f"/proc/{server.process}").exists()
    wait_until(lambda: not _alive(server.process))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
