"""The server process of `local_s3`: `python -m local.s3_server HOST PORT`, with its keys in the environment.

It is moto's S3, with three changes for speed (docs/decisions/0007). Connections are kept open and requests routed to S3
directly, so that a small GET takes 0.8 ms instead of 2.0. The keys of a bucket are kept sorted: moto scans all of them
for each listing, which takes 97 ms with 100,000 objects. Objects are kept in memory: moto reads those of more than
16 MiB from a file for each request, even for a range of them.
"""

import io
import os
import sys
import threading
from bisect import bisect_left, bisect_right
from itertools import islice
from typing import Any

import waitress
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, S3Backend, s3_backends
from moto.s3.utils import _VersionedKeyStore

from local.s3_access import AccessControl

_THREADS = 8
# Each client process keeps some connections open.
_CONNECTIONS = 1000


class SortedKeys(_VersionedKeyStore):
    """moto's mapping of the keys of a bucket to their versions, with the keys sorted."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._lock = threading.Lock()

    def setlist(self, key: str, list_: Any) -> None:
        """Store an object; see moto."""
        with self._lock:
            super().setlist(key, list_)
            at = bisect_left(self._names, key)
            if self._names[at : at + 1] != [key]:
                self._names.insert(at, key)

    def pop(self, key: str) -> None:  # type: ignore[override]
        """Delete an object; see moto. Raises KeyError if it does not exist."""
        with self._lock:
            super().pop(key)
            del self._names[bisect_left(self._names, key)]

    def names(self, prefix: str, after: str) -> list[str]:
        """Return the keys that begin with `prefix` and sort after `after`, in order."""
        with self._lock:
            first = max(bisect_left(self._names, prefix), bisect_right(self._names, after))
            last = bisect_right(self._names, prefix, lo=first, key=lambda name: name[: len(prefix)])
            return self._names[first:last]


class SortedS3(S3Backend):
    """moto's S3 with faster listings and objects in memory."""

    def create_bucket(self, *arguments: Any, **named: Any) -> FakeBucket:
        """See moto."""
        bucket = super().create_bucket(*arguments, **named)
        bucket.keys = SortedKeys()
        return bucket

    def put_object(self, *arguments: Any, **named: Any) -> FakeKey:
        """See moto."""
        stored = super().put_object(*arguments, **named)
        # Returns the same bytes for each request, without a copy.
        in_memory = io.BytesIO(stored.value)
        # Readers may have found the object already.
        with stored.lock:
            file, stored._value_buffer = stored._value_buffer, in_memory  # type: ignore[assignment]
        file.close()
        return stored

    def list_objects_v2(
        self,
        bucket: FakeBucket,
        prefix: str | None,
        delimiter: str | None,
        continuation_token: str | None,
        start_after: str | None,
        max_keys: int,
    ) -> tuple[Any, bool, str | None]:
        """See moto, which still handles listings with a delimiter."""
        if delimiter:
            return super().list_objects_v2(bucket, prefix, delimiter, continuation_token, start_after, max_keys)
        after = self._pagination_tokens.get(continuation_token) if continuation_token else start_after
        keys = bucket.keys
        assert isinstance(keys, SortedKeys)
        versions = map(keys.get, keys.names(prefix or "", after or ""))
        # An object may have been deleted since, or have a delete marker in a versioned bucket.
        existing = (key for key in versions if key is not None and not isinstance(key, FakeDeleteMarker))
        listing: tuple[Any, bool, str | None] = self._truncate_result(list(islice(existing, max_keys + 1)), max_keys)
        return listing


def main() -> None:
    """Serve until the process is ended."""
    host, port = sys.argv[1:]
    keys = (os.environ["LOCAL_S3_ACCESS_KEY"], os.environ["LOCAL_S3_SECRET_KEY"])
    s3_backends.backend = SortedS3
    application = AccessControl(create_backend_app("s3"), *keys)
    waitress.serve(application, host=host, port=int(port), threads=_THREADS, connection_limit=_CONNECTIONS)


if __name__ == "__main__":
    main()
