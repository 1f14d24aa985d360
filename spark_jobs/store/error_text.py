"""What a store's client says of a failure, as far as it may be told.

S3 answers a wrong signature with the whole request as it was signed, the session's token among its headers.
"""

import re

_TOKEN = re.compile(r"(x-amz-security-token)\W+[^\s<&\"']+", re.IGNORECASE)
_MOST = 500


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, without a session's token."""
    return _TOKEN.sub(r"\1: …", str(error).strip().split("\n")[0])[:_MOST]


def cause(error: Exception) -> Exception | None:
    """Return an error as the cause of ours; None where its text may have a session's token in it."""
    return None if "x-amz-security-token" in str(error).lower() else error
