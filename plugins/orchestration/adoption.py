"""Waiting until the detector has adopted a published version of the rules."""

import logging
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from orchestration.judge import Level, format_duration, judge_detector
from orchestration.settings import Settings, load_settings
from spark_jobs.errors import RulesError
from spark_jobs.lake.what_if_report import read_report

if TYPE_CHECKING:
    from orchestration.observe import Observation
    from orchestration.storage import Storage

log = logging.getLogger(__name__)

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

    def execute(self, context: Context) -> Any:
        """Wait.

        Raises:
            AirflowSkipException: nothing lands.
            RulesError: the detector refuses the version.
            AirflowFailException: it has not adopted it in time; the message says how it is doing.
        """
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            waited = format_duration(self.timeout)
            msg = (
                f"version {self._adoption.version} of the rules is published, but was not adopted within {waited}:"
                f" {self._adoption.reason} The detector adopts it with the next chunk that it processes; see"
                " supervise_detector, and clear this task to wait again"
            )
            raise AirflowFailException(msg) from error

    def poke(self, context: Context) -> bool:  # noqa: ARG002 - the interface of sensors
        """Return whether the version is in force."""
        from orchestration.observe import Observer

        storage = self._storage
        return self._adoption.is_complete(
            Observer(storage.lake, storage.master_file, storage.now).observe_detector(), self._settings
        )

    # Read once a try.
    @cached_property
    def _settings(self) -> Settings:
        return load_settings()

    @cached_property
    def _storage(self) -> "Storage":
        from orchestration.storage import Storage

        return Storage(self._settings)

    @cached_property
    def _adoption(self) -> "Adoption":
        return Adoption(read_report(self._storage.lake, self.report).next_version)


class Adoption:
    """The adoption of one version, from one observation to the next.

    Attributes:
        reason: why the version is not in force, after an observation.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        self.reason = ""
        self._idle_since: datetime | None = None

    def is_complete(self, seen: "Observation", settings: Settings) -> bool:
        """Return whether the version, or a later one, is in force.

        Raises:
            AirflowSkipException: nothing has landed for two minutes.
            RulesError: the detector refuses the version.
        """
        if seen.heartbeat_error:
            raise seen.heartbeat_error
        verdict, beat = judge_detector(seen, settings), seen.heartbeat
        self.reason = verdict.reason
        if beat is None:
            return False
        if beat.rules_version >= self.version:
            log.info("version %s is in force from line %s on", beat.rules_version, beat.rules_from_line)
            return True
        if beat.refused_rules_version == self.version:
            msg = f"the detector refuses version {self.version}, and keeps the one before: {beat.refused_rules_reason}"
            raise RulesError(msg)
        if beat.refused_rules_reason:
            self.reason += f" {beat.refused_rules_reason}."
        if verdict.level is not Level.OK or seen.uncommitted_since:
            self._idle_since = None
        elif seen.at - (self._idle_since or seen.at) >= _IDLE:
            idle = format_duration(_IDLE.total_seconds())
            msg = (
                f"version {self.version} is published, and nothing has landed for {idle}; the detector adopts it with"
                " the next chunk"
            )
            raise AirflowSkipException(msg)
        else:
            self._idle_since = self._idle_since or seen.at
        return False
