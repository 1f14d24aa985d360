"""The two ways in which the chunker runs: Airflow's option `[transaction_patterns] chunker_mode`.

It is an option of Airflow, not a setting of the DAGs, because schedules depend on it, and parsing a DAG must not read
a variable.
"""

from enum import Enum

from airflow.sdk import conf

from orchestration.dag_ids import CHUNKER_DAG, FOLLOWER_DAG
from orchestration.settings import SettingsError

SECTION, OPTION = "transaction_patterns", "chunker_mode"


class ChunkerMode(Enum):
    """How the master file is landed."""

    # Airflow submits a run every 5 seconds.
    RUN = "run"
    # A run looks every 5 seconds for hours; Airflow starts the next one before its time is up.
    FOLLOW = "follow"

    @property
    def dag_id(self) -> str:
        """The DAG that keeps landing going; only this one has a schedule."""
        return FOLLOWER_DAG if self is ChunkerMode.FOLLOW else CHUNKER_DAG


def chunker_mode() -> ChunkerMode:
    """Return the mode of this Airflow; reads neither the database nor the network.

    Raises:
        SettingsError: the option has another value.
    """
    value = conf.get(SECTION, OPTION, fallback=ChunkerMode.RUN.value)
    try:
        return ChunkerMode(value)
    except ValueError as error:
        allowed = " or ".join(mode.value for mode in ChunkerMode)
        name = f"AIRFLOW__{SECTION.upper()}__{OPTION.upper()}"
        msg = f"Airflow's option [{SECTION}] {OPTION} ({name}) must be {allowed}, not {value!r}"
        raise SettingsError(msg) from error
