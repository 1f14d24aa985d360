"""Settings as Airflow has them: the variable `transaction_patterns`, or `AIRFLOW_VAR_TRANSACTION_PATTERNS`."""

from airflow.sdk import Variable

from orchestration.settings import VARIABLE, Settings, parse_settings


def load_settings() -> Settings:
    """Return the settings; where the variable is not set, all defaults.

    Raises:
        SettingsError: one of them cannot be.
    """
    return parse_settings(Variable.get(VARIABLE, default={}, deserialize_json=True))
