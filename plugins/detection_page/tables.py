"""What is known of the state's tables."""

from dataclasses import dataclass, field

import pyarrow as pa

from detection_page.detections import Detections
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA


@dataclass(frozen=True)
class TableFacts:
    """Detections and merchants as of one version of their tables.

    Attributes:
        version: changes when, and only when, something was appended to one of them.
        merchants: the latest row of each, with the column `detections`.
        refused: why the state is not read: it is of another version.
    """

    version: str = ""
    detections: Detections = field(default_factory=Detections)
    merchants: pa.Table = field(
        default_factory=lambda: MERCHANTS_SCHEMA.append(pa.field("detections", pa.int64())).empty_table()
    )
    refused: str = ""
