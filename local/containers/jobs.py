"""The three jobs in the local Databricks, as this version has them: `python -m local.containers.jobs`."""

import os

from databricks.sdk import WorkspaceClient

from local.bucket import IMPORTANCE_KEY, IMPORTANCE_URL, LAKE_URL, SOURCE_URL
from local.containers.addresses import DATABRICKS
from local.containers.secret_files import read_secrets
from local.containers.stored import Stored
from local.jobs import Lake, create_jobs


def main() -> None:
    """Create them, or set them anew; what runs goes on."""
    secrets = read_secrets()
    lake = Lake(
        SOURCE_URL,
        LAKE_URL,
        IMPORTANCE_URL if Stored(secrets).has(IMPORTANCE_KEY) else None,
        chunk_size=int(os.environ["CHUNK_SIZE"]),
        thresholds=os.environ["THRESHOLDS"],
    )
    create_jobs(WorkspaceClient(host=DATABRICKS, token=secrets.databricks_token), lake)


if __name__ == "__main__":
    main()
