"""The local S3 lists the same objects as moto itself, after any sequence of writes and deletions."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from moto.s3.models import S3Backend, s3_backends

from local.s3_server import SortedS3

NAMES = st.text("ab/é0", min_size=1, max_size=4)
CHANGES = st.lists(st.tuples(st.sampled_from(["put", "delete"]), NAMES), max_size=30)


def pages(s3: S3Backend, prefix: str, delimiter: str | None, start_after: str, size: int) -> Iterator[list[str]]:
    """Yield the pages of a listing, as a client requests them."""
    token: str | None = None
    bucket = s3.buckets["bucket"]
    while True:
        found, more, token = s3.list_objects_v2(bucket, prefix, delimiter, token, start_after, size)
        yield [found if isinstance(found, str) else found.name for found in found]
        if not more:
            return


def stored(kind: type[S3Backend], changes: list[tuple[str, str]], *, versions: bool) -> S3Backend:
    s3 = kind("us-east-1", "123456789012")
    # moto keeps bucket names unique across all backends.
    s3_backends.bucket_accounts.pop("bucket", None)
    s3.create_bucket("bucket", "us-east-1")
    if versions:
        s3.put_bucket_versioning("bucket", "Enabled")
    for change, name in changes:
        if change == "put":
            s3.put_object("bucket", name, b"")
        else:
            s3.delete_object("bucket", name)
    return s3


@given(
    CHANGES,
    st.booleans(),
    st.text("ab/é0", max_size=2),
    st.sampled_from([None, "/"]),
    st.one_of(st.just(""), NAMES),
    st.integers(1, 5),
)
def test_a_listing_equals_that_of_moto(
    changes: list[tuple[str, str]],
    versions: bool,
    prefix: str,
    delimiter: str | None,
    start_after: str,
    size: int,
) -> None:
    found = [
        list(pages(stored(kind, changes, versions=versions), prefix, delimiter, start_after, size))
        for kind in (S3Backend, SortedS3)
    ]
    assert found[1] == found[0]


def test_an_object_is_read_without_copying_it() -> None:
    s3 = stored(SortedS3, [], versions=False)
    # Larger than what moto keeps in memory.
    data = b"transaction" * 2_000_000
    s3.put_object("bucket", "transactions.csv", data)
    first, again = (s3.get_object("bucket", "transactions.csv") for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.value == data
    assert first.value is again.value
