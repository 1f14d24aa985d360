"""Settings of all DAGs: one value, checked once, with defaults that work on a laptop."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from spark_jobs.errors import PermanentError
from spark_jobs.store.address import parse_address, parse_object_address

VARIABLE = "transaction_patterns"


class SettingsError(ValueError):
    """Raised where a setting is unknown or cannot be; the message names it and the way out."""


@dataclass(frozen=True)
class Levels:
    """From which value on something is worth a warning, and from which it is critical."""

    warning: float
    critical: float


@dataclass(frozen=True)
class Settings:
    """What the DAGs are told.

    Attributes:
        source: the master file.
        lake: the root under which everything lies.
        databricks_connection: of Airflow; its workspace has the jobs.
        aws_connection: of Airflow; "" for the credential chain of where Airflow runs.
        alert_connection: of Airflow; "" to write alerts to the log alone.
        metadata_connection: of Airflow; its password is the database that Airflow runs on, as SQLAlchemy has it. ""
            where somebody else prunes it.
        chunker_job, detector_job, maintenance_job: names of the jobs.
        chunk_size: lines of a chunk, as the chunker's job has it.
        max_chunks_per_run: how many chunks one run may land when it is behind.
        heartbeat_seconds: a detector whose heartbeat is older is dead or stuck.
        stuck_seconds: so long may a landed chunk wait while the detector lives.
        start_seconds: so long may a detector take to start before it is judged.
        max_restarts_per_hour: of the detector; more raise an alert.
        landing_age_seconds: of the oldest transaction that is not landed.
        commit_age_seconds: of the oldest landed chunk that is not committed.
        quarantine_share: of the latest lines, 0 to 1.
        detections_waiting: for their file; it takes 50, more means that files are not written.
        keep_runs_days: of Airflow's own runs and logs.
    """

    source: str = "s3://transactions/transactions.csv"
    lake: str = "s3://transactions/lake"
    databricks_connection: str = "databricks_default"
    aws_connection: str = ""
    alert_connection: str = ""
    metadata_connection: str = ""
    chunker_job: str = "chunker"
    detector_job: str = "detector"
    maintenance_job: str = "maintain_state"
    chunk_size: int = 10_000
    max_chunks_per_run: int = 20
    heartbeat_seconds: float = 30
    stuck_seconds: float = 120
    start_seconds: float = 180
    max_restarts_per_hour: int = 3
    landing_age_seconds: Levels = field(default=Levels(60, 300))
    commit_age_seconds: Levels = field(default=Levels(60, 300))
    quarantine_share: Levels = field(default=Levels(0.01, 0.1))
    detections_waiting: Levels = field(default=Levels(50, 500))
    keep_runs_days: float = 3


def parse_settings(values: Mapping[str, Any]) -> Settings:
    """Return the settings that `values` name; all others have their defaults.

    Raises:
        SettingsError: an unknown name, a value of another type, a number that is not positive, or levels in disorder.
    """
    kinds = get_type_hints(Settings)
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        known = ", ".join(setting.name for setting in fields(Settings))
        raise SettingsError(f"Airflow variable {VARIABLE}: unknown setting {', '.join(unknown)}; there are: {known}")
    return Settings(**{name: _parse(name, value, kinds[name]) for name, value in values.items()})


def _parse(name: str, value: Any, kind: type) -> Any:
    if kind is Levels:
        if not isinstance(value, Mapping) or set(value) != {"warning", "critical"}:
            raise _wrong(name, value, 'an object with "warning" and "critical"')
        levels = Levels(_parse(name, value["warning"], float), _parse(name, value["critical"], float))
        if levels.warning > levels.critical:
            raise _wrong(name, value, "a warning level that is not above the critical one")
        return levels
    if kind is str:
        if not isinstance(value, str) or (name in ("source", "lake") and not value.startswith("s3://")):
            raise _wrong(name, value, "an s3:// address" if name in ("source", "lake") else "a text")
        if name in ("source", "lake"):
            try:
                (parse_object_address if name == "source" else parse_address)(value)
            except PermanentError as error:
                msg = f"Airflow variable {VARIABLE}: {name}: {error}"
                raise SettingsError(msg) from error
        return value
    kinds = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or value <= 0:
        raise _wrong(name, value, f"a positive {'whole number' if kind is int else 'number'}")
    return value


def _wrong(name: str, value: Any, wanted: str) -> SettingsError:
    return SettingsError(f"Airflow variable {VARIABLE}: {name} must be {wanted}, it is {value!r}")
