"""What is in the S3 of the stack in containers already."""

from typing import Any

from botocore.exceptions import ClientError

from local.bucket import BUCKET
from local.containers.addresses import S3, s3_variables
from local.containers.secret_files import Secrets
from local.s3 import S3Address


class Stored:
    """The bucket of the stack. Every method raises botocore's errors where S3 fails.

    Attributes:
        client: of S3.
    """

    def __init__(self, secrets: Secrets) -> None:
        self.client: Any = S3Address(S3, s3_variables(secrets)).client()

    def has_bucket(self) -> bool:
        """Return whether the bucket is there."""
        return _is_there(self.client.head_bucket, Bucket=BUCKET)

    def has(self, key: str) -> bool:
        """Return whether an object is there."""
        return _is_there(self.client.head_object, Bucket=BUCKET, Key=key)


def _is_there(head: Any, **what: str) -> bool:
    try:
        head(**what)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return False
        raise
    return True
