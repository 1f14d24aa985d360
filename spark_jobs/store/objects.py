"""Objects under one root: `s3://bucket/prefix`, `file:///dir` or `memory://`, with the few calls that the jobs need.

S3 is reached with the standard `AWS_*` environment variables and the cloud's own credential chain.
"""

import fcntl
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import LocalStore, MemoryStore, S3Store

from spark_jobs.errors import PermanentError, StorageError
from spark_jobs.store import retries
from spark_jobs.store.error_text import cause
from spark_jobs.store.failures import storage_failure
from spark_jobs.store.retries import retried

# A file that the client has not put in its place yet.
_UNFINISHED = re.compile(r"#\d+$")


@dataclass(frozen=True)
class StoredObject:
    """Bytes of an object, or of a range of it, with the whole object's size in bytes and its ETag."""

    data: bytes
    size: int
    etag: str


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing has it."""

    path: str
    modified_at: datetime


class Objects:
    """Objects under one root.

    Every method raises `StorageError` where the store fails for good, and `StorageRefusedError` where it refuses.
    """

    def __init__(self, store: Any, url: str) -> None:
        self._store = store
        self.url = url

    def place(self, path: str) -> str:
        """Return the full name of `path`, for messages."""
        return f"{self.url}/{path}"

    def find(self, path: str) -> StoredObject | None:
        """Return the whole object, None where there is none."""
        return retried(lambda: self._get(path, {}))

    def find_range(self, path: str, start: int, end: int, etag: str | None = None) -> StoredObject | None:
        """Return bytes `[start, end)` of an object, fewer at its end; None where there is no object.

        Raises:
            PreconditionError: `etag` is given and is not the object's any more.
        """
        options: Any = {"range": (start, end)}
        if etag is not None:
            options["if_match"] = etag
        try:
            return self._get(path, options)
        except StorageError:
            # A range of an empty object is an error to S3.
            head = self.head(path)
            if head is None or head.size > start:
                return retried(lambda: self._get(path, options))
            return head

    def head(self, path: str) -> StoredObject | None:
        """Return an object's size and ETag without its bytes, None where there is none."""
        return retried(lambda: self._head(path))

    def create(self, path: str, data: bytes) -> bool:
        """Create an object; return False, changing nothing, where there is one already. Atomic.

        One that this very call has created in an attempt whose answer was lost counts as there already.
        """
        return self._put_if(path, data, "create")

    def replace(self, path: str, data: bytes, etag: str) -> bool:
        """Replace the version `etag` of an object; return False, changing nothing, where it is another. Atomic.

        One that this very call has replaced in an attempt whose answer was lost counts as another.
        """
        if isinstance(self._store, LocalStore):
            return self._replace_locked(path, data, etag)
        return self._put_if(path, data, {"e_tag": etag})

    def write(self, path: str, data: bytes) -> None:
        """Write an object, whether there is one or not."""
        retried(lambda: self._put(path, data))

    def delete(self, paths: Sequence[str]) -> None:
        """Delete objects; one that is gone already is no error."""
        if paths:
            retried(lambda: self._delete(paths))

    def list_after(self, prefix: str, after: str) -> Iterator[str]:
        """Yield the paths under `prefix/` that sort after `after`, in order; a page is fetched as it is needed."""
        return (found.path for found in self.list_objects(prefix, after))

    def list_objects(self, prefix: str, after: str = "") -> Iterator[ListedObject]:
        """Yield what `list_after` does, with times."""
        if isinstance(self._store, LocalStore):
            yield from _list_directory(_directory(self.url), prefix, after)
            return
        # S3 lists in order; a dictionary need not.
        if not isinstance(self._store, S3Store):
            found = [_listed(meta) for page in self._list(prefix, after) for meta in page]
            yield from sorted(found, key=lambda entry: entry.path)
            return
        failures = 0
        while True:
            try:
                for page in self._list(prefix, after):
                    yield from map(_listed, page)
                    after = page[-1]["path"] if page else after
                return
            except StorageError:
                if failures == len(retries.PAUSES_SECONDS):
                    raise
                time.sleep(retries.PAUSES_SECONDS[failures])
                failures += 1

    def _list(self, prefix: str, after: str) -> Iterator[Any]:
        with self._named(prefix):
            yield from obstore.list(self._store, f"{prefix}/", offset=after or None, chunk_size=1000)

    def _put_if(self, path: str, data: bytes, mode: Any) -> bool:
        """Put an object under a condition; return False where it does not hold."""
        for pause in (*retries.PAUSES_SECONDS, 0.0):
            try:
                with self._named(path):
                    obstore.put(self._store, path, data, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError, NotFoundError) as error:
                # S3 answers 409 where another request for the same object got in the way: nothing is said of the
                # condition, though the client reports that it does not hold.
                # Nothing to replace is another version, too; nothing is never there already.
                refused = mode != "create" if isinstance(error, NotFoundError) else "409 Conflict" not in str(error)
                if refused:
                    return False
                failure: Exception = storage_failure(self.place(path), error)
            except StorageError as error:
                # The client does not send it again after a time-out; under a condition that is harmless.
                failure = error
            else:
                return True
            time.sleep(pause)
        raise failure

    def _put(self, path: str, data: bytes) -> None:
        with self._named(path):
            obstore.put(self._store, path, data, use_multipart=False)

    def _delete(self, paths: Sequence[str]) -> None:
        with self._named(paths[0]):
            obstore.delete(self._store, list(paths))

    def _head(self, path: str) -> StoredObject | None:
        try:
            with self._named(path):
                meta = obstore.head(self._store, path)
        except (NotFoundError, FileNotFoundError):
            return None
        return StoredObject(b"", meta["size"], meta["e_tag"] or "")

    def _get(self, path: str, options: Any) -> StoredObject | None:
        try:
            with self._named(path):
                result = obstore.get(self._store, path, options=options)
                return StoredObject(bytes(result.bytes()), result.meta["size"], result.meta["e_tag"] or "")
        except (NotFoundError, FileNotFoundError):
            return None

    def _replace_locked(self, path: str, data: bytes, etag: str) -> bool:
        """Do what If-Match does: a local directory has none."""
        file = _directory(self.url) / path
        with (file.parent / f".{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            head = self.head(path)
            if head is None or head.etag != etag:
                return False
            self.write(path, data)
            return True

    @contextmanager
    def _named(self, path: str) -> Iterator[None]:
        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise
        except (NotFoundError, FileNotFoundError) as error:
            if "NoSuchBucket" in str(error):
                msg = f"{self.url}: the bucket does not exist; create it, or mend the address"
                raise PermanentError(msg) from error
            raise
        except (BaseError, OSError) as error:
            raise storage_failure(self.place(path), error) from cause(error)


def _listed(meta: Any) -> ListedObject:
    return ListedObject(meta["path"], meta["last_modified"])


def _list_directory(root: Path, prefix: str, after: str) -> Iterator[ListedObject]:
    """Yield the files under a folder by name; each is looked at as it is needed, for that takes ten times as long."""
    start = len(f"{root}/")
    paths = (f"{folder}/{name}"[start:] for folder, _, names in os.walk(root / prefix) for name in names)
    for path in sorted(path for path in paths if path > after and not _UNFINISHED.search(path)):
        try:
            modified = (root / path).stat().st_mtime
        except FileNotFoundError:
            continue
        yield ListedObject(path, datetime.fromtimestamp(modified, UTC))


def open_objects(url: str) -> Objects:
    """Open the root at `url`; a local directory is made where it is missing.

    Raises:
        PermanentError: not an `s3://`, `file://` or `memory://` URL, or one with credentials in it.
    """
    parts = urlsplit(url)
    if "@" in parts.netloc:
        without = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        msg = f"{without}: an address has no credentials in it; give them in the AWS_* variables"
        raise PermanentError(msg)
    url = url.rstrip("/")
    match parts.scheme:
        case "s3":
            store: Any = S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                client_options={"allow_http": http_endpoint(), "timeout": f"{retries.REQUEST_SECONDS}s"},
                retry_config={
                    "max_retries": retries.MAX_RETRIES,
                    "retry_timeout": timedelta(seconds=retries.RETRY_SECONDS),
                },
            )
        case "file":
            _directory(url).mkdir(parents=True, exist_ok=True)
            store = LocalStore(_directory(url))
        case "memory":
            store = MemoryStore()
        case _:
            msg = f"{url}: not an address that can be opened; use s3://bucket/prefix or file:///directory"
            raise PermanentError(msg)
    return Objects(store, url)


def open_object(url: str) -> tuple[Objects, str]:
    """Open the folder that holds the object at `url`; return it with the object's name in it."""
    root, _, name = url.rpartition("/")
    if not root or not name or root.endswith(("/", ":")):
        msg = f"{url}: not the address of an object; use s3://bucket/key or file:///path"
        raise PermanentError(msg)
    return open_objects(root), name


def http_endpoint() -> bool:
    """Return whether the environment names a plain http endpoint, as local stand-ins of S3 have."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    return endpoint.startswith("http://")


def _directory(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))
