"""Features of Delta tables that `deltalake` cannot read or write, and how to switch them off.

Others may switch one on (`ALTER TABLE`, a default of a workspace, a command of a newer Delta), and from then on every
read or every commit of the jobs is refused.
"""

import re

from deltalake import DeltaTable
from deltalake.exceptions import DeltaProtocolError

from spark_jobs.errors import TableFeatureError

# The property that says who commits to a table, and its value if that is not `deltalake`.
WRITER_PROPERTY, SPARK = "transactionPatterns.writer", "spark"
# Each tried with `deltalake` 1.6: reading, appending, replacing rows, vacuum.
_USABLE = frozenset(
    {
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "generatedColumns",
        "invariants",
        "timestampNtz",
        "variantType",
        "variantType-preview",
    }
)
# The property that switches a feature on, and its value without the feature.
_OFF = {
    "columnMapping": "'delta.columnMapping.mode' = 'none'",
    "deletionVectors": "'delta.enableDeletionVectors' = 'false'",
    "icebergCompatV1": "'delta.enableIcebergCompatV1' = 'false'",
    "icebergCompatV2": "'delta.enableIcebergCompatV2' = 'false'",
    "inCommitTimestamp": "'delta.enableInCommitTimestamps' = 'false'",
    "rowTracking": "'delta.enableRowTracking' = 'false'",
    "typeWidening": "'delta.enableTypeWidening' = 'false'",
    "v2Checkpoint": "'delta.checkpointPolicy' = 'classic'",
}
# Features of readers: without this clause, dropping one adds `checkpointProtection`, which `deltalake` refuses as well.
_IN_HISTORY = frozenset(
    {
        "catalogManaged",
        "checkpointProtection",
        "columnMapping",
        "deletionVectors",
        "typeWidening",
        "v2Checkpoint",
        "vacuumProtocolCheck",
    }
)
# Names in the errors of `deltalake` where they are not simply capitalized.
_NAMES = {"ClusteredTable": "clustering"}
_IN_LIST = re.compile(r"\b([A-Za-z][\w-]*)\b")
# What the clients say of a table whose protocol they do not know; the groups name features or versions.
_REFUSALS = (
    re.compile(r"Unsupported table features required: \[(?P<features>[^\]]*)\]"),
    re.compile(r"has set these (?:reader|writer) features: \{(?P<features>[^}]*)\}"),
    re.compile(r"Feature '(?P<features>[^']*)' is not supported"),
    re.compile(r"(?P<version>Unsupported minimum (?:reader|writer) version \d+)"),
    re.compile(r"Unknown TableFeatures? (?P<features>[^.]*)"),
)
_CATALOG = "catalog-managed table"
_COLUMN_MAPPING = "Column mapping is enabled"
_APPEND_ONLY = "Delta table is append-only"


def verify_features(table: DeltaTable, url: str) -> None:
    """Verify that `deltalake` can read and write a table; reads no more than the loaded table.

    Raises:
        TableFeatureError: a feature or a property prevents it.
    """
    protocol = table.protocol()
    properties = table.metadata().configuration
    # Where Spark writes, `deltalake` only reads.
    ours = () if properties.get(WRITER_PROPERTY) == SPARK else protocol.writer_features or ()
    features = {*(protocol.reader_features or ()), *ours}
    # Before version 7 a number stands for all features up to it; of these only the newest is not supported.
    if protocol.min_writer_version == 6:
        features.add("identityColumns")
    if properties.get("delta.columnMapping.mode", "none") == "none":
        features.discard("columnMapping")
    else:
        features.add("columnMapping")
    if unusable := sorted(features - _USABLE):
        raise _unusable(url, unusable)
    if properties.get("delta.appendOnly", "false").lower() == "true":
        raise _append_only(url)


def feature_failure(url: str, error: Exception) -> TableFeatureError | None:
    """Return the error to raise where a client refuses a table for one of its features; None for other errors."""
    text = str(error)
    for refusal in _REFUSALS:
        if found := refusal.search(text):
            named = found.groupdict()
            if named.get("version"):
                msg = f"{url}: {named['version']}: a newer Delta has changed the table; restore or rebuild it"
                return TableFeatureError(f"{msg} (docs/troubleshooting.md)")
            return _unusable(url, sorted(map(_feature, _IN_LIST.findall(named["features"].replace("Unknown", "")))))
    if _CATALOG in text:
        return _unusable(url, ["catalogManaged"])
    if _COLUMN_MAPPING in text:
        return _unusable(url, ["columnMapping"])
    if _APPEND_ONLY in text:
        return _append_only(url)
    if isinstance(error, DeltaProtocolError):
        return TableFeatureError(f"{url}: {text}; somebody changed the table: undo it with ALTER TABLE")
    return None


def _unusable(url: str, features: list[str]) -> TableFeatureError:
    table = f"ALTER TABLE delta.`{url}`"
    off = ", ".join(_OFF[feature] for feature in features if feature in _OFF)
    steps = [
        *([f"{table} SET TBLPROPERTIES ({off})"] if off else []),
        *([f"{table} CLUSTER BY NONE"] if "clustering" in features else []),
        # Others depend on it.
        *(
            f"{table} DROP FEATURE {feature}{' TRUNCATE HISTORY' if feature in _IN_HISTORY else ''}"
            for feature in sorted(features, key=lambda name: name in ("domainMetadata", "checkpointProtection"))
        ),
    ]
    several = "features" if len(features) > 1 else "feature"
    msg = (
        f"{url}: the jobs cannot use a table with the {several} {', '.join(features)}, which somebody has switched on;"
        f" remove it in Spark, or rebuild the table (docs/troubleshooting.md): {'; '.join(steps)}"
    )
    return TableFeatureError(msg)


def _append_only(url: str) -> TableFeatureError:
    msg = (
        f"{url}: the jobs cannot use a table with the property delta.appendOnly, because they compact it; remove it in"
        f" Spark: ALTER TABLE delta.`{url}` SET TBLPROPERTIES ('delta.appendOnly' = 'false')"
    )
    return TableFeatureError(msg)


def _feature(name: str) -> str:
    return _NAMES.get(name, name[:1].lower() + name[1:])
