"""Moto's S3 with the names of its objects kept in order, so that a listing costs what it returns, as in S3.

Moto's own looks at every object of the bucket: 97 ms where there are 100,000, as after a day (docs/decisions/0007).
"""

import threading
from bisect import bisect_left, bisect_right
from itertools import islice
from typing import Any

from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend
from moto.s3.utils import _VersionedKeyStore


class OrderedKeys(_VersionedKeyStore):
    """What moto keeps of a bucket: name to versions."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._changing = threading.Lock()

    def setlist(self, key: str, list_: Any) -> None:
        """See moto: an object is written through it."""
        with self._changing:
            super().setlist(key, list_)
            at = bisect_left(self._names, key)
            if self._names[at : at + 1] != [key]:
                self._names.insert(at, key)

    def pop(self, key: str) -> None:  # type: ignore[override]
        """See moto: an object is deleted through it; raises KeyError where it is not there."""
        with self._changing:
            super().pop(key)
            del self._names[bisect_left(self._names, key)]

    def names(self, prefix: str, after: str) -> list[str]:
        """Return the names that begin with `prefix` and follow `after`, in order."""
        with self._changing:
            first = max(bisect_left(self._names, prefix), bisect_right(self._names, after))
            last = bisect_right(self._names, prefix, lo=first, key=lambda name: name[: len(prefix)])
            return self._names[first:last]


class OrderedS3(S3Backend):
    """Moto's S3, but for listings."""

    def create_bucket(self, *arguments: Any, **named: Any) -> FakeBucket:
        """See moto."""
        bucket = super().create_bucket(*arguments, **named)
        bucket.keys = OrderedKeys()
        return bucket

    def list_objects_v2(
        self,
        bucket: FakeBucket,
        prefix: str | None,
        delimiter: str | None,
        continuation_token: str | None,
        start_after: str | None,
        max_keys: int,
    ) -> tuple[Any, bool, str | None]:
        """See moto, which still answers where folders are asked for."""
        if delimiter:
            return super().list_objects_v2(bucket, prefix, delimiter, continuation_token, start_after, max_keys)
        after = self._pagination_tokens.get(continuation_token) if continuation_token else start_after
        keys = bucket.keys
        assert isinstance(keys, OrderedKeys)
        versions = map(keys.get, keys.names(prefix or "", after or ""))
        # Gone since the names were taken, or deleted where versions are kept.
        there = (key for key in versions if key is not None and not isinstance(key, FakeDeleteMarker))
        listing: tuple[Any, bool, str | None] = self._truncate_result(list(islice(there, max_keys + 1)), max_keys)
        return listing
