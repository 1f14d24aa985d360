"""Sample data in S3, where there is no master file yet: `python -m local.containers.sample`."""

import os
import tempfile
from pathlib import Path

from local.bucket import BUCKET, IMPORTANCE_KEY, SOURCE_KEY, SOURCE_URL
from local.containers.secret_files import read_secrets
from local.containers.stored import Stored
from local.sample_data import write_sample


def main() -> None:
    """Make the bucket and its files. The master file comes last: where it is, all is."""
    stored = Stored(read_secrets())
    if not stored.has_bucket():
        stored.client.create_bucket(Bucket=BUCKET)
    if stored.has(SOURCE_KEY):
        print(f"{SOURCE_URL} is there already")
        return
    rows = int(os.environ["SAMPLE_ROWS"])
    with tempfile.TemporaryDirectory() as directory:
        write_sample(Path(directory), rows)
        for key in (IMPORTANCE_KEY, SOURCE_KEY):
            stored.client.upload_file(str(Path(directory, key)), BUCKET, key)
    print(f"{rows:,} transactions of sample data in {SOURCE_URL}")


if __name__ == "__main__":
    main()
