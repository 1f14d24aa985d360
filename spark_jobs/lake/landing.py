"""The landing zone: chunks by their first line, as CSV files or in a Delta table."""

from spark_jobs.lake.landing_csv import CsvLanding
from spark_jobs.lake.landing_delta import DeltaLanding
from spark_jobs.lake.layout import LANDING_ZONE
from spark_jobs.store.objects import Objects

# Both have the same methods, which `CsvLanding` documents.
Landing = CsvLanding | DeltaLanding


def open_landing(landing_format: str, lake: Objects) -> Landing:
    """Open the landing zone of a lake; the format is `csv` or `delta`."""
    return DeltaLanding(lake.place(LANDING_ZONE)) if landing_format == "delta" else CsvLanding(lake)
