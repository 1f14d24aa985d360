"""The three jobs as they are defined in Databricks, the local one and the real one alike."""

from dataclasses import dataclass

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

PACKAGE = "transaction-patterns"
CHUNKER, DETECTOR, MAINTAIN_STATE = "chunker", "detector", "maintain_state"

# Less than what Airflow's task waits for.
_CHUNKER_SECONDS = 540
_CHUNKER_LATE_SECONDS = 120
_MAINTENANCE_SECONDS = 3600


@dataclass(frozen=True)
class Lake:
    """What the jobs work on, by URL.

    Attributes:
        source: the master file.
        root: of the lake.
        importance: `CustomerImportance.csv`, None where weights come with the transactions.
        thresholds: of the patterns where they are not the defaults: `name=value`, with commas between.
    """

    source: str
    root: str
    importance: str | None = None
    landing_format: str = "csv"
    chunk_size: int = 10_000
    thresholds: str = ""
    placement: str = "driver"


def create_jobs(client: WorkspaceClient, lake: Lake) -> dict[str, int]:
    """Create the three jobs; return their numbers by name."""
    return {str(job.name): client.jobs.create(**job.as_shallow_dict()).job_id or 0 for job in _all_jobs(lake)}


def put_jobs(client: WorkspaceClient, lake: Lake) -> None:
    """Create those of the three jobs that are not there, and set the others as they are to be; what runs goes on."""
    there = {job.settings.name: job.job_id for job in client.jobs.list() if job.settings}
    for job in _all_jobs(lake):
        job_id = there.get(job.name)
        if job_id is None:
            client.jobs.create(**job.as_shallow_dict())
        else:
            client.jobs.reset(job_id, job)


def _all_jobs(lake: Lake) -> tuple[jobs.JobSettings, ...]:
    return chunker_job(lake), detector_job(lake), maintain_state_job(lake)


def chunker_job(lake: Lake) -> jobs.JobSettings:
    """Return the chunker's job. Two runs may overlap: neither lands anything twice, and one that hangs stops nobody."""
    return jobs.JobSettings(
        name=CHUNKER,
        tasks=[_wheel_task(CHUNKER, {"landing-format": lake.landing_format})],
        parameters=_parameters(
            {"source": lake.source, "lake": lake.root, "chunk-size": str(lake.chunk_size), "max-chunks": "1"}
        ),
        max_concurrent_runs=2,
        timeout_seconds=_CHUNKER_SECONDS,
        health=jobs.JobsHealthRules(
            [
                jobs.JobsHealthRule(
                    jobs.JobsHealthMetric.RUN_DURATION_SECONDS,
                    jobs.JobsHealthOperator.GREATER_THAN,
                    _CHUNKER_LATE_SECONDS,
                )
            ]
        ),
    )


def detector_job(lake: Lake) -> jobs.JobSettings:
    """Return the detector's job: continuous, so Databricks is the one that starts it again when it ends."""
    importance = {"importance": lake.importance} if lake.importance else {}
    return jobs.JobSettings(
        name=DETECTOR,
        tasks=[_wheel_task(DETECTOR, {"landing-format": lake.landing_format})],
        parameters=_parameters(
            {"lake": lake.root, "threshold": lake.thresholds, "placement": lake.placement, **importance}
        ),
        max_concurrent_runs=1,
        continuous=jobs.Continuous(pause_status=jobs.PauseStatus.UNPAUSED),
    )


def maintain_state_job(lake: Lake) -> jobs.JobSettings:
    """Return the job that keeps the lake small."""
    return jobs.JobSettings(
        name=MAINTAIN_STATE,
        tasks=[_wheel_task(MAINTAIN_STATE, {"landing-format": lake.landing_format})],
        parameters=_parameters({"lake": lake.root, "keep-days": "7"}),
        max_concurrent_runs=1,
        timeout_seconds=_MAINTENANCE_SECONDS,
    )


def _wheel_task(entry_point: str, named_parameters: dict[str, str]) -> jobs.Task:
    wheel = jobs.PythonWheelTask(PACKAGE, entry_point, named_parameters=named_parameters)
    return jobs.Task(entry_point, python_wheel_task=wheel)


def _parameters(values: dict[str, str]) -> list[jobs.JobParameterDefinition]:
    return [jobs.JobParameterDefinition(default=value, name=name) for name, value in values.items()]
