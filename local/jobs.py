"""The jobs of `jobs.json`, which Terraform reads as well, with the parameters of one lake filled in.

Two runs of the chunker may overlap: neither lands a line twice, and one that hangs does not block the next. Its timeout
is shorter than that of the Airflow task, which also does the retries. Where the chunker follows the master file, its
job differs by what is listed under `modes`: a run follows for 6 hours. The detector is continuous, so that Databricks
restarts it whenever it ends.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import JobSettings

CHUNKER, DETECTOR, MAINTAIN_STATE = "chunker", "detector", "maintain_state"
_JOBS_FILE = Path(__file__).parent.parent / "jobs.json"


@dataclass(frozen=True)
class Lake:
    """The data that the jobs work on, by URL, and the settings that differ between environments.

    Attributes:
        source: the master file.
        root: of the lake.
        importance: `CustomerImportance.csv`, None if weights come with the transactions.
        thresholds: pattern thresholds that differ from the defaults: `name=value`, comma-separated.
        chunker_mode: `run` or `follow`, as Airflow's option of that name.
        state_backend: `driver` or `spark`.
    """

    source: str
    root: str
    importance: str | None = None
    landing_format: str = "csv"
    chunk_size: int = 10_000
    thresholds: str = ""
    state_backend: str = "driver"
    chunker_mode: str = "run"

    def parameters(self) -> dict[str, str | None]:
        """Return the values of the parameters that `jobs.json` leaves empty; None omits one."""
        return {
            "source": self.source,
            "lake": self.root,
            "importance": self.importance,
            "chunk-size": str(self.chunk_size),
            "landing-format": self.landing_format,
            "threshold": self.thresholds,
            "state-backend": self.state_backend,
        }


def create_jobs(client: "WorkspaceClient", lake: Lake) -> dict[str, int]:
    """Create the jobs, or reset those that exist; return their ids by name. Active runs continue."""
    existing = {job.settings.name: job.job_id for job in client.jobs.list() if job.settings}
    ids = {}
    for name, job in all_jobs(lake).items():
        job_id = existing.get(name)
        if job_id is None:
            job_id = client.jobs.create(**job.as_shallow_dict()).job_id
        else:
            client.jobs.reset(job_id, job)
        ids[name] = job_id or 0
    return ids


def all_jobs(lake: Lake) -> "dict[str, JobSettings]":
    """Return the settings of the jobs by name."""
    jobs = [_in_mode(job, lake.chunker_mode) for job in json.loads(_JOBS_FILE.read_text())]
    return {job["name"]: _filled_in(job, lake.parameters()) for job in jobs}


def chunker_job(lake: Lake) -> "JobSettings":
    """Return the settings of the chunker's job."""
    return all_jobs(lake)[CHUNKER]


def _in_mode(job: dict[str, Any], chunker_mode: str) -> dict[str, Any]:
    """Return a job with what is different in a mode of the chunker."""
    modes = job.pop("modes", {})
    return {**job, **modes.get(chunker_mode, {})}


def _filled_in(job: dict[str, Any], values: dict[str, str | None]) -> "JobSettings":
    # Importing it takes 2 s, in which `make run` starts its servers.
    from databricks.sdk.service.jobs import JobSettings

    parameters = [{**one, "default": values.get(one["name"], one["default"])} for one in job["parameters"]]
    job["parameters"] = [one for one in parameters if one["default"] is not None]
    for task in job["tasks"]:
        named = task["python_wheel_task"]["named_parameters"]
        named.update({name: values[name] for name in named if name in values})
    return JobSettings.from_dict(job)
