"""The one demand on an object store beyond plain S3: conditional writes. Some S3-compatible stores ignore conditions.

Exactly once rests on them: without, two chunkers that run at the same time both believe that they landed a chunk.
"""

from spark_jobs.errors import UnsuitableStoreError
from spark_jobs.store.objects import Objects

_NO_ETAG = '"00000000000000000000000000000000"'


def verify_conditional_writes(folder: Objects, path: str) -> None:
    """Verify that the store honours `If-None-Match` and `If-Match`, at an object that exists and never changes.

    Both writes must be refused. A store that ignores their conditions writes the bytes that are already there, so that
    no cleanup is needed, even if several processes probe at once or this one is interrupted.

    Args:
        folder: the object's folder; a local directory always honours conditions.

    Raises:
        UnsuitableStoreError: a condition was ignored; nothing was changed.
    """
    if folder.address.scheme != "s3":
        return
    stored = folder.find(path)
    if stored is None:
        return
    for condition, ignored in (
        ("If-None-Match", folder.create(path, stored.data)),
        ("If-Match", folder.replace(path, stored.data, _NO_ETAG)),
    ):
        if ignored:
            msg = (
                f"{folder.place(path)}: the store ignores the condition {condition} of a write, so two jobs could"
                " overwrite each other's data; use Amazon S3, or a store that documents conditional writes"
                " (docs/troubleshooting.md)"
            )
            raise UnsuitableStoreError(msg)
