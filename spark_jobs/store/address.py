"""Addresses of lakes, master files and importance files: `s3://bucket`, `s3://bucket/prefix` or `file:///directory`.

Every `--source`, `--lake`, `--output` and `--importance` is parsed here. An address that obstore and deltalake would
read differently is refused, so that an accepted one names the same place to both.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from spark_jobs.errors import PermanentError

_FORMS = "use s3://bucket/prefix or file:///directory"
# Syntax of URLs (#, ?, %), and characters that deltalake cannot parse in a path.
_REFUSED = re.compile(r"[#?%\[\]\\^|\x00-\x1f\x7f]")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Address:
    """A folder, or an object, of a store.

    Attributes:
        scheme: `s3`, `file`, or `memory` (for tests).
        bucket: of S3, else "".
        path: without slashes at its ends; "" is the whole bucket.
    """

    scheme: str
    bucket: str
    path: str

    @property
    def url(self) -> str:
        """The address as every client takes it, without a slash at its end."""
        return f"{self.scheme}://{self.bucket}/{self.path}".rstrip("/")

    def key(self, path: str) -> str:
        """Return the key in the bucket of a path below this folder."""
        return f"{self.path}/{path}" if self.path else path

    def is_within(self, other: "Address") -> bool:
        """Return whether this is `other` or lies below it."""
        return f"{self.url}/".startswith(f"{other.url}/")


def parse_address(text: str) -> Address:
    """Parse the address of a folder; slashes at its end do not matter.

    Raises:
        PermanentError: not such an address, or one that the clients would read differently; names the reason.
    """
    if found := _REFUSED.search(text):
        msg = f"{text}: an address cannot contain {found[0]!r}; rename the folder or bucket, or choose another one"
        raise PermanentError(msg)
    parts = urlsplit(text)
    if "@" in parts.netloc:
        without = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        msg = f"{without}: an address cannot contain credentials; set the AWS_* variables instead"
        raise PermanentError(msg)
    path = parts.path.rstrip("/").removeprefix("/")
    match parts.scheme:
        case "s3" if not _BUCKET.fullmatch(parts.netloc):
            problem = "does not name a bucket"
        case "file" if parts.netloc:
            problem = f"names the host {parts.netloc!r}; a local directory has three slashes before it"
        case "file" if not path:
            problem = "does not name a directory"
        case "s3" | "file" | "memory":
            problem = _problem_of_path(path)
        case _:
            problem = "is not an address of a store"
    if problem:
        msg = f"{text} {problem}; {_FORMS}"
        raise PermanentError(msg)
    return Address(parts.scheme, parts.netloc, path)


def parse_object_address(text: str) -> tuple[Address, str]:
    """Parse the address of an object; return its folder and its name.

    Raises:
        PermanentError: as `parse_address` does, or no object is named.
    """
    address = parse_address(text)
    folder, _, name = address.path.rpartition("/")
    if not name or text.endswith("/") or (address.scheme == "file" and not folder):
        msg = f"{text} does not name an object; use s3://bucket/key or file:///directory/name"
        raise PermanentError(msg)
    return Address(address.scheme, address.bucket, folder), name


def _problem_of_path(path: str) -> str:
    for segment in path.split("/") if path else ():
        if segment in ("", ".", ".."):
            return "has an empty folder name ('//')" if not segment else f"has the folder name {segment!r}"
    return ""
