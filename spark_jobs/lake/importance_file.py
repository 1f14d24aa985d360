"""The importance file, wherever it lies."""

from spark_jobs.errors import ImportanceError
from spark_jobs.lake.importance import Importance, parse_importance
from spark_jobs.store.objects import open_object


def read_importance(url: str) -> tuple[Importance, str]:
    """Return the weights and the ETag of the file at `url`.

    Raises:
        ImportanceError: it does not exist, or cannot be used.
    """
    folder, name = open_object(url)
    found = folder.find(name)
    if found is None:
        msg = f"{url} does not exist; put the file there, or leave --importance away"
        raise ImportanceError(msg)
    return parse_importance(found.data, url), found.etag
