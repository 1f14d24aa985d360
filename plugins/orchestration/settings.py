"""Settings of all DAGs: the Airflow variable `transaction_patterns`, or `AIRFLOW_VAR_TRANSACTION_PATTERNS`.

The defaults work on a laptop.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Self

from jinja2 import pass_context
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from spark_jobs.errors import PermanentError
from spark_jobs.store.address import Address, parse_address, parse_object_address

VARIABLE = "transaction_patterns"


class SettingsError(ValueError):
    """Raised when a setting is unknown or invalid; the message names it, its value and what is allowed."""


def _lake(text: str) -> str:
    return _s3(text, lambda: parse_address(text)).url


def _source(text: str) -> str:
    _s3(text, lambda: parse_object_address(text)[0])
    return text


def _s3(text: str, parse: Any) -> Address:
    try:
        address: Address = parse()
    except PermanentError as error:
        raise ValueError(str(error)) from None
    if address.scheme != "s3":
        msg = f"{text} is not in S3, the only store that the DAGs read; use s3://bucket/prefix"
        raise ValueError(msg)
    return address


class _Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class Levels(_Strict):
    """The values above which a measure is a warning, and above which it is critical."""

    warning: PositiveFloat
    critical: PositiveFloat

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.warning > self.critical:
            msg = f"the warning level, {self.warning:g}, must not be above the critical one, {self.critical:g}"
            raise ValueError(msg)
        return self


class Settings(_Strict):
    """The settings of the DAGs and the page."""

    source: Annotated[str, AfterValidator(_source)] = "s3://transactions/transactions.csv"
    """The master file."""
    lake: Annotated[str, AfterValidator(_lake)] = "s3://transactions/lake"
    """The root under which everything lies."""
    databricks_connection: str = "databricks_default"
    """Airflow connection of the workspace that has the jobs."""
    aws_connection: str = ""
    """Airflow connection for S3; "" for the credential chain of the machine that Airflow runs on."""
    alert_connection: str = ""
    """Airflow connection that alerts are sent to; "" for `transaction_patterns_alerts`, or the log if there is none."""
    alive_connection: str = ""
    """Airflow connection of type http that is called once a minute while the data is monitored; "" for none."""
    metadata_connection: str = ""
    """Airflow connection whose password is the SQLAlchemy URL of Airflow's database; "" if it is pruned elsewhere."""
    mwaa_environment: str = ""
    """MWAA environment whose old runs are deleted through its REST API; "" outside MWAA."""
    chunker_job: str = "chunker"
    """Name of the chunker's job."""
    detector_job: str = "detector"
    """Name of the detector's job."""
    maintenance_job: str = "maintain_state"
    """Name of the maintenance job."""
    what_if_job: str = "what_if"
    """Name of the job that compares other rules with what was found."""
    publish_rules_job: str = "publish_rules"
    """Name of the job that publishes rules."""
    unpause_detector: bool = True
    """Unpause the detector's job, for which Airflow must be allowed to edit it; otherwise raise an alert."""
    chunk_size: PositiveInt = 10_000
    """Lines per chunk, as configured in the chunker's job."""
    max_chunks_per_run: PositiveInt = 20
    """The number of chunks that one run may land when there is a backlog, in the chunker mode `run`."""
    heartbeat_seconds: PositiveFloat = 30
    """A detector whose heartbeat is older is dead or stuck."""
    stuck_seconds: PositiveFloat = 120
    """How long a landed chunk may wait before a live detector counts as stuck, and a line before a chunker does."""
    start_seconds: PositiveFloat = 180
    """How long a run of detector or chunker may take to start; a chunker is succeeded this long before its end."""
    pause_seconds: PositiveFloat = 180
    """How long the detector's job may have no run; more than the 60 seconds that Databricks takes between two runs."""
    backoff_seconds: PositiveFloat = 1800
    """The same after a failed run; more than Databricks' pause after repeated failures."""
    max_restarts_per_hour: PositiveInt = 3
    """More restarts of the detector, or of a chunker that follows, than this raise an alert."""
    landing_age_seconds: Levels = Levels(warning=60, critical=300)
    """Age of the oldest transaction that is not landed."""
    commit_age_seconds: Levels = Levels(warning=60, critical=300)
    """Age of the oldest landed chunk that is not committed."""
    quarantine_share: Levels = Levels(warning=0.01, critical=0.1)
    """Share of the latest lines that are quarantined, 0 to 1."""
    detections_waiting: Levels = Levels(warning=50, critical=500)
    """Detections that wait for their file; a file takes 50, so more means that files are not written."""
    keep_runs_days: PositiveFloat = 3
    """Days for which Airflow keeps runs and logs of these DAGs."""


def load_settings() -> Settings:
    """Return the settings from the Airflow variable, or the defaults if it is not set.

    Raises:
        SettingsError: as `decode_settings` does.
        VariableUnreadableError: the variable cannot be read, so nobody knows whether it is set.
    """
    from orchestration.variables import read_variable

    text = read_variable(VARIABLE)
    return Settings() if text is None else decode_settings(text)


@lru_cache(maxsize=1)
def _settings_of(ti_id: object) -> Settings:  # noqa: ARG001 - the key of the cache
    return load_settings()


@pass_context
def settings_in_template(context: Mapping[str, Any]) -> Settings:
    """Return the settings for the templates of a task, read once for each of its tries; raises as `load_settings`."""
    found: Settings = _settings_of(context["ti"].id)
    return found


def decode_settings(text: str) -> Settings:
    """Return the settings in a JSON object.

    Raises:
        SettingsError: it is not JSON or not an object, or as `parse_settings` does.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        msg = f"Airflow variable {VARIABLE}: not JSON ({error}); write the settings as a JSON object"
        raise SettingsError(msg) from error
    return parse_settings(values)


def parse_settings(values: Mapping[str, Any]) -> Settings:
    """Return the settings in `values`, and the defaults of all others.

    Raises:
        SettingsError: not a mapping, a name is unknown, or a value is not allowed; every problem is named.
    """
    if not isinstance(values, Mapping):
        found = _JSON_TYPES.get(type(values), type(values).__name__)
        msg = f'Airflow variable {VARIABLE}: must be a JSON object such as {{"chunk_size": 10000}}, not {found}'
        raise SettingsError(msg)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(map(_describe, error.errors()))
    raise SettingsError(f"Airflow variable {VARIABLE}: {problems}")


_JSON_TYPES = {
    list: "a list",
    str: "a string; if it holds the object, remove the outer quotes",
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def _describe(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"]))
    match problem["type"]:
        case "extra_forbidden":
            return f"unknown setting {name}; the settings are {', '.join(Settings.model_fields)}"
        case "value_error":
            return f"{name}: {problem['ctx']['error']}"
        case _:
            return f"{name}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"
