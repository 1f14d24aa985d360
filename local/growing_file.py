"""A growing master file in S3: an object that is replaced by a longer one, as its source would do."""

from itertools import islice
from pathlib import Path
from typing import Any

_SECONDS_BETWEEN_UPLOADS = 1.0


class GrowingFile:
    """Uploads more and more of a local file, beginning with its header.

    Args:
        client: of S3.
        rows_per_second: None for the whole file at once.
    """

    def __init__(self, client: Any, bucket: str, key: str, path: Path, rows_per_second: float | None) -> None:
        self._client = client
        self._bucket, self._key = bucket, key
        self._file = path.open("rb")
        self._rows_per_second = rows_per_second
        self._uploaded_at = -_SECONDS_BETWEEN_UPLOADS
        self._content = b""
        self.rows = -1  # not counting the header
        self.is_complete = False
        self.advance(0)

    def close(self) -> None:
        """Close the local file."""
        self._file.close()

    def advance(self, seconds: float) -> None:
        """Upload the rows that are due `seconds` after the file began to grow, at most once a second."""
        if self.is_complete or seconds - self._uploaded_at < _SECONDS_BETWEEN_UPLOADS:
            return
        if self._rows_per_second is None:
            more = self._file.read()
            self.is_complete = True
        else:
            wanted = int(seconds * self._rows_per_second) - self.rows
            more = b"".join(islice(self._file, wanted))
            self.is_complete = more.count(b"\n") < wanted
        self._uploaded_at = seconds
        self._content += more
        self.rows += more.count(b"\n")
        self._client.put_object(Bucket=self._bucket, Key=self._key, Body=self._content)
