import pytest

from orchestration.chunker_mode import ChunkerMode, chunker_mode
from orchestration.settings import SettingsError

VARIABLE = "AIRFLOW__TRANSACTION_PATTERNS__CHUNKER_MODE"


def test_the_mode_is_an_option_of_airflow_and_run_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chunker_mode() is ChunkerMode.RUN
    for mode in ChunkerMode:
        monkeypatch.setenv(VARIABLE, mode.value)
        assert chunker_mode() is mode


@pytest.mark.parametrize("value", ["Follow", "always", ""])
def test_another_value_is_refused_with_those_that_are_allowed(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(SettingsError) as raised:
        chunker_mode()
    option = f"Airflow's option [transaction_patterns] chunker_mode ({VARIABLE})"
    assert str(raised.value) == f"{option} must be run or follow, not {value!r}"
