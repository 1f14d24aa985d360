"""The detector's job in Databricks."""

from datetime import datetime

from orchestration.supervise import Action, JobStatus, LiveRun, Step
from orchestration.supervised_job import SupervisedJob, time_of


class DetectorJob(SupervisedJob):
    """A continuous job."""

    def status(self, now: datetime) -> JobStatus | None:
        """Return the status of the job, with the starts of the newest 25 runs; None if there is no such job."""
        if self.job_id is None:
            return None
        settings = self.settings()
        # Before the live ones, so that no run is seen as both.
        ended = self.ended_runs(1)
        live = self.live_runs()
        return JobStatus(
            paused=settings.get("continuous", {}).get("pause_status") == "PAUSED",
            live=tuple(LiveRun(run["run_id"], time_of(run["start_time"])) for run in reversed(live)),
            starts=tuple(time_of(run["start_time"]) for run in self.runs_since_an_hour(now)),
            ended=self.ended(ended[0]) if ended else None,
        )

    def apply(self, step: Step) -> None:
        """Carry out one step of a plan."""
        if step.action is Action.UNPAUSE:
            self.hook.update_job(str(self.job_id), {"continuous": {"pause_status": "UNPAUSED"}})
        elif step.action is Action.START:
            self.hook.run_now({"job_id": self.job_id})
        else:
            assert step.run_id is not None
            self.hook.cancel_run(step.run_id)
