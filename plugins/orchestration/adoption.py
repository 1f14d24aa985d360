"""Waiting until the detector has adopted a published version of the rules."""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from orchestration.judge import Level, format_duration, judge_detector
from orchestration.observe import Observation, Observer
from orchestration.settings import Settings, load_settings
from orchestration.storage import Storage
from spark_jobs.errors import RulesError
from spark_jobs.lake.what_if_report import read_report

# Of a healthy detector without a chunk to process. Chunks come every few seconds, or the master file does not grow.
_IDLE = timedelta(minutes=2)


class AdoptionSensor(BaseSensorOperator):
    """Waits until the version that was published after a report is in force.

    The detector adopts a version when it begins a micro-batch, for which it needs a chunk. If none lands, the task is
    skipped.

    Args:
        report: id of the report of the what-if.
    """

    template_fields = ("report",)

    def __init__(self, *, report: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.report = report
        self._version = 0
        self._idle_since: datetime | None = None
        self._reason = ""

    def execute(self, context: Context) -> Any:
        """Wait.

        Raises:
            AirflowSkipException: nothing lands.
            RulesError: the detector refuses the version.
            AirflowFailException: it has not adopted it in time; the message says how it is doing.
        """
        settings = load_settings()
        self._version = read_report(Storage(settings).lake, self.report).next_version
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            waited = format_duration(self.timeout)
            msg = (
                f"version {self._version} of the rules is published, but was not adopted within {waited}:"
                f" {self._reason} The detector adopts it with the next chunk that it processes; see supervise_detector,"
                " and clear this task to wait again"
            )
            raise AirflowFailException(msg) from error

    def poke(self, context: Context) -> bool:  # noqa: ARG002 - the interface of sensors
        """Return whether the version is in force."""
        settings = load_settings()
        storage = Storage(settings)
        return self.is_adopted(Observer(storage.lake, storage.master_file, storage.now).observe_detector(), settings)

    def is_adopted(self, seen: Observation, settings: Settings) -> bool:
        """Return whether the version is in force, raising the errors of `execute`."""
        verdict = judge_detector(seen, settings)
        self._reason = verdict.reason
        beat = seen.heartbeat
        if beat is None:
            return False
        if beat.rules_version >= self._version:
            self.log.info("version %s is in force from line %s on", beat.rules_version, beat.rules_from_line)
            return True
        if beat.refused_rules_version == self._version:
            msg = (
                f"the detector refuses version {self._version}, and keeps the rules before: {beat.refused_rules_reason}"
            )
            raise RulesError(msg)
        self._reason = " ".join(filter(None, (verdict.reason, beat.refused_rules_reason)))
        if verdict.level is not Level.OK or seen.uncommitted_since:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = seen.at
        elif seen.at - self._idle_since >= _IDLE:
            idle = format_duration(_IDLE.total_seconds())
            msg = (
                f"version {self._version} is published, and nothing has landed for {idle}; the detector adopts it with"
                " the next chunk"
            )
            raise AirflowSkipException(msg)
        return False
