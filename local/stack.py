"""The whole stack on one machine: S3, Databricks with the jobs, Airflow with the DAGs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.airflow import LocalAirflow, database_url, local_airflow
from local.airflow_settings import Workspace, dag_environment
from local.bucket import BUCKET, IMPORTANCE_URL, LAKE_URL, SOURCE_URL
from local.databricks.server import LocalDatabricks, local_databricks
from local.jobs import Lake, create_jobs
from local.s3 import LocalS3, local_s3

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


@dataclass(frozen=True)
class Ports:
    """Ports on 127.0.0.1; 0 picks a free port."""

    airflow: int = 0
    databricks: int = 0
    s3: int = 0


@dataclass(frozen=True)
class Stack:
    """The running stack.

    Attributes:
        workspace: client of the local Databricks.
        job_ids: of the jobs, by name.
    """

    s3: LocalS3
    databricks: LocalDatabricks
    workspace: "WorkspaceClient"
    job_ids: dict[str, int]
    airflow: LocalAirflow

    def restart_ended(self) -> list[str]:
        """Restart servers that have ended, as a service manager would; return their names."""
        ended = [f"Airflow's {name}" for name in self.airflow.restart_ended()]
        if self.databricks.process.poll() is not None:
            self.databricks.restart()
            ended.append("Databricks")
        return ended


@dataclass(frozen=True)
class Layout:
    """Directory and settings of a stack.

    Attributes:
        directory: used by this stack only.
        with_importance: whether the bucket has a `CustomerImportance.csv`.
        chunker_mode: of the chunker's job and of Airflow.
        settings: further settings of the DAGs.
        databricks_arguments: extra command-line arguments of the local Databricks.
        airflow_environment: extra variables of Airflow's processes; they override its settings.
    """

    directory: Path
    ports: Ports = field(default_factory=Ports)
    with_importance: bool = False
    chunk_size: int = 10_000
    thresholds: str = ""
    chunker_mode: str = "run"
    settings: Mapping[str, Any] = field(default_factory=dict)
    databricks_arguments: tuple[str, ...] = ()
    airflow_environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        """Directory with one log per process."""
        return self.directory / "logs"

    @property
    def lake(self) -> Lake:
        """Parameters of the jobs."""
        return Lake(
            source=SOURCE_URL,
            root=LAKE_URL,
            importance=IMPORTANCE_URL if self.with_importance else None,
            chunk_size=self.chunk_size,
            thresholds=self.thresholds,
            chunker_mode=self.chunker_mode,
        )


@contextmanager
def running_s3(layout: Layout) -> Iterator[LocalS3]:
    """Run the S3 of a stack with its bucket, so that files can be uploaded before the rest starts."""
    with local_s3(layout.logs / "s3.log", layout.ports.s3, (BUCKET,)) as s3:
        yield s3


@contextmanager
def running_stack(layout: Layout, s3: LocalS3) -> Iterator[Stack]:
    """Run the rest of a stack; raises the same errors as `starting_stack`."""
    with starting_stack(layout, s3) as finish:
        yield finish()


@contextmanager
def starting_stack(layout: Layout, s3: LocalS3) -> Iterator[Callable[[], Stack]]:
    """Start the rest of a stack, and yield a function that waits for it; call it once S3 has the files.

    Raises:
        OSError: a port is taken.
        RuntimeError: a server did not start; the message names its log.
    """
    with ExitStack() as running:
        databricks = running.enter_context(
            local_databricks(
                layout.directory / "databricks",
                s3.environment,
                port=layout.ports.databricks,
                arguments=layout.databricks_arguments,
                wait=False,
            )
        )
        airflow = running.enter_context(
            local_airflow(
                layout.directory / "airflow",
                layout.logs,
                {**s3.environment, **_airflow_environment(layout, databricks), **layout.airflow_environment},
                port=layout.ports.airflow,
                wait=False,
            )
        )

        def finish() -> Stack:
            # Importing it takes 2 s, in which the servers start.
            from databricks.sdk import WorkspaceClient

            databricks.await_answer()
            workspace = WorkspaceClient(host=databricks.host, token=databricks.token)
            job_ids = create_jobs(workspace, layout.lake)
            airflow.await_health()
            return Stack(s3, databricks, workspace, job_ids, airflow)

        yield finish


def _airflow_environment(layout: Layout, databricks: LocalDatabricks) -> dict[str, str]:
    lake = layout.lake
    settings = {"source": lake.source, "lake": lake.root, "chunk_size": lake.chunk_size, **layout.settings}
    database = database_url(layout.directory / "airflow")
    workspace = Workspace(databricks.host, databricks.token)
    return dag_environment(workspace, database, settings, layout.chunker_mode)
