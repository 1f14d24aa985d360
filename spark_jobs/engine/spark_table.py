"""Delta tables that Spark writes, each of whose commits is an application transaction versioned by a line."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from spark_jobs import errors
from spark_jobs.errors import PipelineError, StorageError
from spark_jobs.store.error_codes import redact

# Another commit has changed files that this one has read or removed; there is only maintenance beside the detector.
_CONFLICT = re.compile(r"io\.delta\.exceptions\.Concurrent(?:Append|DeleteRead|DeleteDelete)Exception")
_SECOND_WRITER = re.compile(r"io\.delta\.exceptions\.(?:ConcurrentTransaction|MetadataChanged)Exception")
_TEXT_LIMIT = 500


class CommitConflictError(StorageError):
    """Raised when a commit is refused because others have changed the same files; repeating it can help."""


class SecondWriterError(Exception):
    """Raised when another writer of the application has committed meanwhile."""


class SparkTable:
    """A Delta table at a URL, read and written by Spark."""

    def __init__(self, spark: SparkSession, url: str) -> None:
        self._spark = spark
        self.url = url

    def rows(self, predicate: str) -> DataFrame:
        """Return the matching rows of the newest version; files and row groups without any are skipped."""
        with translated(self.url):
            return self._spark.read.format("delta").load(self.url).where(predicate)

    def append(self, rows: DataFrame, transaction: tuple[str, int], metadata: Mapping[str, str]) -> None:
        """Append rows in one commit; do nothing if the application's version is in the table already.

        Args:
            rows: may be none.
            transaction: application id and version.
            metadata: of the commit.

        Raises:
            SecondWriterError: another writer of the application has committed meanwhile.
            StorageError: the store or Spark failed.
        """
        self._save(rows, {"mode": "append"}, transaction, metadata)

    def replace(
        self,
        rows: DataFrame,
        predicate: str | None,
        transaction: tuple[str, int] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Replace the rows that match a predicate in one commit; see `append`.

        Args:
            predicate: None for all rows, which need not be looked for.
            transaction: None for maintenance, which is no application.

        Raises:
            CommitConflictError: others have changed the same files.
        """
        where = {} if predicate is None else {"replaceWhere": predicate}
        self._save(rows, {"mode": "overwrite", **where}, transaction, metadata or {})

    def optimize(self) -> None:
        """Merge small files; the rows stay the same. Skipped this time if others rewrite the same files."""
        try:
            with translated(self.url):
                self._spark.sql(f"OPTIMIZE delta.`{self.url}`")
        except CommitConflictError:
            return

    def vacuum(self) -> None:
        """Delete files that have been unreferenced for as long as the table's property says."""
        with translated(self.url):
            self._spark.sql(f"VACUUM delta.`{self.url}`")

    def _save(
        self,
        rows: DataFrame,
        how: Mapping[str, str],
        transaction: tuple[str, int] | None,
        metadata: Mapping[str, str],
    ) -> None:
        options = {name: text for name, text in how.items() if name != "mode"}
        if transaction:
            application, version = transaction
            options |= {"txnAppId": application, "txnVersion": str(version)}
        if metadata:
            options["userMetadata"] = json.dumps(dict(metadata))
        with translated(self.url):
            rows.write.format("delta").mode(how["mode"]).options(**options).save(self.url)


def merchants_predicate(merchants: Iterable[str]) -> str:
    """Return the SQL predicate of the rows of some merchants."""
    return f"merchant IN ({', '.join(map(_literal, merchants))})"


def between_predicate(first: str, last: str) -> str:
    """Return the SQL predicate of the rows of the merchants from one name to another, both inclusive."""
    return f"merchant BETWEEN {_literal(first)} AND {_literal(last)}"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise exceptions of Spark as ours."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        text = str(error)
        if _SECOND_WRITER.search(text):
            raise SecondWriterError(f"{place}: another writer has committed") from error
        if _CONFLICT.search(text):
            raise CommitConflictError(f"{place}: others have changed the same files; run again") from error
        if named := named_error(text):
            raise named from error
        said = redact(text.strip()).split("\n")[0][:_TEXT_LIMIT]
        raise StorageError(f"{place}: Spark failed: {said}; see the log of the driver") from error


def named_error(text: str) -> PipelineError | None:
    """Return the error of ours in the text of a Spark exception, or None if there is none."""
    found = re.search(r"spark_jobs\.errors\.(\w+): (.*)", text)
    return getattr(errors, found.group(1))(found.group(2)) if found else None
