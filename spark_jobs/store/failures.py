"""What an error of an object store means: whether trying again can help, and the way out."""

from spark_jobs.errors import StorageError, StorageRefusedError
from spark_jobs.store.error_text import first_line

_CREDENTIALS = "mend the credentials: the AWS_* variables, or the role of this machine"
# Codes of S3 that no second try changes (the API reference's list of error responses).
_REFUSALS = {
    "RequestTimeTooSkewed": "the clock of this machine is more than 15 minutes off; set it right",
    "AccessDenied": "allow it to this role or user, see terraform/modules/lake/roles.tf",
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    # Without a code: the answer to a HEAD has no body.
    "403 Forbidden": "allow it to this role or user, see terraform/modules/lake/roles.tf",
}
_EXPIRED = ("ExpiredToken", "TokenRefreshRequired")


def storage_failure(place: str, error: Exception) -> StorageError | StorageRefusedError:
    """Return the error to raise, `from cause(error)`, where a client of an object store has failed for good.

    Args:
        place: full name of what was read or written.
        error: the client's. The code of S3 may stand anywhere in it.
    """
    text = str(error)
    for code in _EXPIRED:
        if code in text:
            msg = f"{place}: the credentials have expired ({code}); the next start takes new ones, else renew them"
            return StorageError(msg)
    for code, way_out in _REFUSALS.items():
        if code in text:
            return StorageRefusedError(f"{place}: the store refuses it ({code}); {way_out}")
    return StorageError(f"{place}: {first_line(error)}; check the address, the AWS_* variables and the store's health")
