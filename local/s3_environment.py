"""The variables by which every client finds an S3."""


def s3_environment(endpoint: str, access_key: str, secret_key: str) -> dict[str, str]:
    """Return the `AWS_*` variables that lead every client to an S3."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
