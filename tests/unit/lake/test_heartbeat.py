import pytest

from spark_jobs.errors import HeartbeatUnreadableError
from spark_jobs.lake.heartbeat import parse_heartbeat


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"started_at": "x"}'])
def test_an_unreadable_heartbeat_is_named(data: bytes) -> None:
    with pytest.raises(HeartbeatUnreadableError, match=r"^s3://lake/state/detector\.json: "):
        parse_heartbeat(data, "s3://lake/state/detector.json")
