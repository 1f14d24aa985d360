"""Progress of the pipeline, read from a lake in the local S3."""

import json
from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import ClientError

from local.bucket import BUCKET, LAKE_KEY
from local.progress import Status
from local.s3 import S3Address
from spark_jobs.lake import layout
from spark_jobs.lake.offset import parse_offset
from spark_jobs.lake.quarantine import count_quarantined


def path_below(directory: Path, key: str) -> Path | None:
    """Return the path of an object in a directory, None if there is none: keys may contain `..`, or end with `/`."""
    if "\0" in key or key.endswith("/"):
        return None
    path = (directory / key).resolve()
    is_taken = path.is_dir() or any(parent.is_file() for parent in path.parents)
    return path if path.is_relative_to(directory.resolve()) and not is_taken else None


class LakeView:
    """Reads `offset.csv` and the detector's heartbeat."""

    def __init__(self, s3: S3Address) -> None:
        self._client = s3.client()

    def status(self, total: int, seconds: float) -> Status:
        """Return the status for a master file of `total` rows, `seconds` after the run began."""
        offset = self._find(layout.OFFSET)
        landed = parse_offset(offset, layout.OFFSET).next_line if offset else 0
        heartbeat = json.loads(self._find(layout.HEARTBEAT) or b"{}")
        committed = heartbeat.get("committed_line", 0)
        return Status(
            total,
            landed,
            committed,
            committed / seconds,
            heartbeat.get("detections", {}),
            heartbeat.get("waiting", 0),
            seconds,
            is_up=bool(heartbeat),
        )

    def keys(self, folder: str) -> Iterator[str]:
        """Yield the keys of all objects in a folder of the lake, "" for all of the lake."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{LAKE_KEY}/{folder}")
        return (entry["Key"] for page in pages for entry in page.get("Contents", []))

    def copy(self, directory: Path) -> list[str]:
        """Copy the lake to a directory; return the keys that are no path below it, which are not copied."""
        omitted = []
        for key in self.keys(""):
            path = path_below(directory, key)
            if path is None:
                omitted.append(key)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._read(key))
        return omitted

    def quarantined_lines(self) -> int:
        """Return the number of lines in quarantine."""
        return sum(count_quarantined(self._read(key)) for key in self.keys(f"{layout.QUARANTINE}/"))

    def _find(self, path: str) -> bytes | None:
        try:
            return self._read(f"{LAKE_KEY}/{path}")
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    def _read(self, key: str) -> bytes:
        return bytes(self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
