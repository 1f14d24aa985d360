"""Objects below one address, with the few operations that the jobs need.

S3 is configured by the standard `AWS_*` environment variables and the cloud's own credential chain.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import LocalStore, MemoryStore, S3Store

from spark_jobs.errors import PermanentError, StorageError
from spark_jobs.store import failures
from spark_jobs.store.address import Address, parse_address, parse_object_address
from spark_jobs.store.error_codes import ENVIRONMENT, Access, lacks_code
from spark_jobs.store.failures import cause, retry, storage_failure, translate_errors

# Which of the two it is depends on the operation.
_MISSING = (NotFoundError, FileNotFoundError)
# A temporary file of the client.
_UNFINISHED = re.compile(r"#\d+$")
_PAGE = 1000


@dataclass(frozen=True)
class StoredObject:
    """Bytes of an object or of a range, with size in bytes, ETag and time of the last write of the whole object."""

    data: bytes
    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True)
class ListedObject:
    """An entry of a listing: the path below the root, when the object was written, and its size in bytes."""

    path: str
    modified_at: datetime
    size: int


class Objects:
    """Objects below one address.

    Every method raises `StorageError` if the store fails despite retries, and `StorageRefusedError` if it refuses.
    """

    def __init__(self, store: Any, address: Address, access: Access = ENVIRONMENT) -> None:
        self._store = store
        self.address = address
        self.url = address.url
        self._access = access

    def place(self, path: str) -> str:
        """Return the full name of `path`, for messages and for Delta tables."""
        return f"{self.url}/{path}"

    def find(self, path: str) -> StoredObject | None:
        """Return the whole object, or None if it does not exist."""
        return retry(lambda: self._get(path, {}))

    def find_range(self, path: str, start: int, end: int, etag: str | None = None) -> StoredObject | None:
        """Return bytes `[start, end)` of an object, fewer at its end; None if it does not exist.

        Raises:
            PreconditionError: the object's ETag is no longer `etag`.
        """
        options: Any = {"range": (start, end)}
        if etag is not None:
            options["if_match"] = etag
        try:
            return self._get(path, options)
        except StorageError:
            # S3 answers a range of an empty object with an error.
            head = self.head(path)
            if head is None or head.size > start:
                return retry(lambda: self._get(path, options))
            return head

    def head(self, path: str) -> StoredObject | None:
        """Return an object without its bytes, or None if it does not exist."""
        return retry(lambda: self._head(path))

    def create(self, path: str, data: bytes) -> bool:
        """Create an object atomically; return False, changing nothing, if it exists.

        False may also mean that this very call created it, in an attempt whose response was lost.
        """
        return retry(lambda: self._put_if(path, data, "create"))

    def replace(self, path: str, data: bytes, etag: str) -> bool:
        """Replace version `etag` of an object atomically; return False, changing nothing, if it has another ETag.

        False may also mean that this very call replaced it, in an attempt whose response was lost.
        """
        if isinstance(self._store, LocalStore):
            return self._replace_locked(path, data, etag)
        return retry(lambda: self._put_if(path, data, {"e_tag": etag}))

    def write(self, path: str, data: bytes) -> None:
        """Write an object, replacing any version."""
        retry(lambda: self._put(path, data))

    def delete(self, paths: Sequence[str]) -> None:
        """Delete objects; missing ones are ignored."""
        if paths:
            retry(lambda: self._delete(paths))

    def list_after(self, prefix: str, after: str) -> Iterator[str]:
        """Yield the paths below `prefix/` that sort after `after`, in order; pages are fetched lazily."""
        return (found.path for found in self.list_objects(prefix, after))

    def list_objects(self, prefix: str, after: str = "") -> Iterator[ListedObject]:
        """Yield the objects below `prefix/` whose paths sort after `after`, in order; pages are fetched lazily.

        The empty objects that consoles and some tools create for folders are no objects of the lake, and are skipped.
        """
        if isinstance(self._store, LocalStore):
            yield from _list_directory(_directory(self.address), prefix, after)
            return
        if not isinstance(self._store, S3Store):
            # Only S3 lists in order.
            entries = [meta for page in obstore.list(self._store, f"{prefix}/", offset=after or None) for meta in page]
            yield from sorted(map(_listed, entries), key=lambda entry: entry.path)
            return
        while True:
            page = retry(partial(self._list_page, prefix, after))
            yield from (_listed(meta) for meta in page if not _is_folder_marker(meta))
            if len(page) < _PAGE:
                return
            after = page[-1]["path"]

    def _list_page(self, prefix: str, after: str) -> Sequence[Any]:
        with self._translated(prefix):
            return next(iter(obstore.list(self._store, f"{prefix}/", offset=after or None, chunk_size=_PAGE)), [])

    def _put_if(self, path: str, data: bytes, mode: Any) -> bool:
        """Put an object under a condition; return False if the condition does not hold."""
        try:
            with self._translated(path):
                obstore.put(self._store, path, data, mode=mode, use_multipart=False)
        except (AlreadyExistsError, PreconditionError, *_MISSING) as error:
            # A missing object cannot be replaced; "not found" on create is an error. 409 means that another request
            # interfered: the client reports a failed condition, but nothing is known of it.
            failed = mode != "create" if isinstance(error, _MISSING) else "409 Conflict" not in str(error)
            if failed:
                return False
            raise storage_failure(self.place(path), error, self._access) from cause(error)
        return True

    def _put(self, path: str, data: bytes) -> None:
        with self._translated(path):
            obstore.put(self._store, path, data, use_multipart=False)

    def _delete(self, paths: Sequence[str]) -> None:
        with self._translated(paths[0]):
            obstore.delete(self._store, list(paths))

    def _head(self, path: str) -> StoredObject | None:
        try:
            with self._translated(path):
                return _stored(b"", self._head_or_reason(path))
        except _MISSING:
            return None

    def _head_or_reason(self, path: str) -> Any:
        try:
            return obstore.head(self._store, path)
        except BaseError as error:
            if not lacks_code(str(error)):
                raise
            # The response to a HEAD has no body, and so no code; that to a GET has.
            return obstore.get(self._store, path, options={"range": (0, 1)}).meta

    def _get(self, path: str, options: Any) -> StoredObject | None:
        try:
            with self._translated(path):
                result = obstore.get(self._store, path, options=options)
                return _stored(bytes(result.bytes()), result.meta)
        except _MISSING:
            return None

    def _replace_locked(self, path: str, data: bytes, etag: str) -> bool:
        """Emulate If-Match, which a local directory does not have."""
        file = _directory(self.address) / path
        with (file.parent / f".{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            head = self.head(path)
            if head is None or head.etag != etag:
                return False
            self.write(path, data)
            return True

    @contextmanager
    def _translated(self, path: str) -> Iterator[None]:
        expected = (AlreadyExistsError, PreconditionError, *_MISSING)
        try:
            with translate_errors(self.place(path), *expected, access=self._access):
                yield
        except _MISSING as error:
            if "NoSuchBucket" in str(error):
                raise storage_failure(self.place(path), error, self._access) from cause(error)
            raise


def _stored(data: bytes, meta: Any) -> StoredObject:
    return StoredObject(data, meta["size"], meta["e_tag"] or "", meta["last_modified"])


def _listed(meta: Any) -> ListedObject:
    return ListedObject(meta["path"], meta["last_modified"], meta["size"])


def _is_folder_marker(meta: Any) -> bool:
    """Return whether an entry is an empty object whose key ends in a slash, which the client removes.

    Every file of a lake has a dot in its name, even where damage has emptied it.
    """
    return meta["size"] == 0 and "." not in meta["path"].rpartition("/")[2]


def _list_directory(root: Path, prefix: str, after: str) -> Iterator[ListedObject]:
    """Yield the files below a directory by name; each is examined when it is reached, which costs ten times as much."""
    start = len(f"{root}/")
    paths = (f"{folder}/{name}"[start:] for folder, _, names in os.walk(root / prefix) for name in names)
    for path in sorted(path for path in paths if path > after and not _UNFINISHED.search(path)):
        try:
            stat = (root / path).stat()
        except FileNotFoundError:
            continue
        yield ListedObject(path, datetime.fromtimestamp(stat.st_mtime, UTC), stat.st_size)


def open_objects(url: str) -> Objects:
    """Open the folder at `url`, see `parse_address`; a local directory is created if it is missing.

    Raises:
        PermanentError: not a usable address, or the directory cannot be created.
    """
    return _open(parse_address(url))


def open_object(url: str) -> tuple[Objects, str]:
    """Open the folder of the object at `url`, see `parse_object_address`; return it with the object's name.

    Raises:
        PermanentError: as `open_objects` does.
    """
    folder, name = parse_object_address(url)
    return _open(folder), name


def _open(address: Address) -> Objects:
    match address.scheme:
        case "s3":
            store: Any = S3Store(
                address.bucket,
                prefix=address.path or None,
                client_options={"allow_http": http_endpoint(), "timeout": f"{failures.REQUEST_SECONDS}s"},
                retry_config={
                    "max_retries": failures.MAX_RETRIES,
                    "retry_timeout": timedelta(seconds=failures.RETRY_SECONDS),
                },
            )
        case "file":
            directory = _directory(address)
            try:
                directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                msg = (
                    f"{address.url}: cannot create the directory ({error.strerror}); fix the address or the permissions"
                )
                raise PermanentError(msg) from error
            store = LocalStore(directory)
        case _:
            store = MemoryStore()
    return Objects(store, address)


def http_endpoint() -> bool:
    """Return whether the environment names a plain-HTTP S3 endpoint, as local stand-ins have."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    return endpoint.startswith("http://")


def _directory(address: Address) -> Path:
    return Path("/", address.path)
