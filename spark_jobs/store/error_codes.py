"""Error codes of S3: which are permanent, and what the user can do; also the removal of secrets from error texts."""

import re
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Access:
    """How a client was opened, in words for error messages.

    Attributes:
        credentials: where its credentials come from.
        grantee: whom to grant a missing permission.
        region: where its region and endpoint are set.
    """

    credentials: str
    grantee: str
    region: str


# The jobs: environment and instance profile.
ENVIRONMENT = Access(
    credentials="the AWS_* variables or the role of this machine",
    grantee="this role or user, see terraform/modules/lake/roles.tf",
    region="AWS_REGION (and AWS_ENDPOINT_URL, if set)",
)


@dataclass(frozen=True)
class StoreError:
    """An error response, as far as it can be told from the text of a client's exception.

    Attributes:
        status: such as `403 Forbidden`; "" without a response.
        code: S3's code; "" if the response had none, as that to a HEAD.
        said: S3's message, or the title of a web page; "" if there is none.
        is_page: the response is a web page, so it is not S3 that answered.
    """

    status: str
    code: str
    said: str
    is_page: bool

    @property
    def name(self) -> str:
        """Code and message as the store gave them; the status without a code."""
        return f"{self.code or self.status}: {self.said}" if self.said else self.code or self.status


_CREDENTIALS = "fix the credentials: {credentials}"
_REGION = "the bucket is in another region or at another endpoint: fix {region}"
_CONDITIONS = "the store lacks an operation that the jobs need, see docs/troubleshooting.md, or a proxy removes it"
_QUOTA = "the bucket or the store is full: raise its quota, or free space with maintain_state --keep-days"
_KMS = "the bucket's KMS key cannot be used: enable or restore it"
_PROXY = "a proxy answers instead of the store: let it pass the store's address, or set NO_PROXY"

# What no retry changes, and what to do about it.
_PERMANENT = {
    "AccessDenied": "grant it to {grantee}",
    "AllAccessDisabled": "the provider has disabled the bucket or the account: ask its support",
    "AccountProblem": "the provider has disabled the bucket or the account: ask its support",
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "InvalidObjectState": "the object is archived: restore it, and take the lake out of rules that archive objects",
    "NoSuchBucket": "the bucket does not exist: create it, or fix the address",
    "InvalidBucketName": "fix the address",
    "MethodNotAllowed": _CONDITIONS,
    "NotImplemented": _CONDITIONS,
    "QuotaExceeded": _QUOTA,
    "XMinioAdminBucketQuotaExceeded": _QUOTA,
    "XMinioStorageFull": _QUOTA,
    "RequestTimeTooSkewed": "the clock of this machine is more than 15 minutes off; set it",
}
# KMS.DisabledException, KMS.KMSInvalidStateException, KMS.NotFoundException and the like; others are temporary.
_PERMANENT_KMS = re.compile(r"KMS\.\w*(Disabled|InvalidState|NotFound|InvalidKeyUsage)")
# Responses without a code: to a HEAD, or not from the store at all.
_PERMANENT_STATUS = {
    "301 Moved Permanently": _REGION,
    "308 Permanent Redirect": _REGION,
    "401 Unauthorized": _CREDENTIALS,
    "403 Forbidden": "the store gives no reason: check the permissions of {grantee} and the credentials",
    "405 Method Not Allowed": _CONDITIONS,
    "407 Proxy Authentication Required": "the proxy wants credentials: set them in its address, or set NO_PROXY",
    "501 Not Implemented": _CONDITIONS,
}
_EXPIRED = dict.fromkeys(
    ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"),
    "the credentials have expired; the next start loads new ones, or renew them: {credentials}",
)
_RETRYABLE = "check the address, {credentials}, and the store's health"

_STATUS = re.compile(
    "|".join(rf"\b{status.value} {status.phrase}\b" for status in HTTPStatus if status >= HTTPStatus.MULTIPLE_CHOICES)
)
# In a response of the store, and in an exception of boto3, which fetches credentials.
_CODE = re.compile(r"<Code>\s*([\w.]+)\s*</Code>|An error occurred \(([\w.]+)\)")
_SAID = re.compile(
    r"<(?:Message|title)>(.*?)</|An error occurred \([\w.]+\) when calling the (\w+ operation: [^\n]*)",
    re.DOTALL | re.IGNORECASE,
)
_PAGE = re.compile(r"<(!doctype )?html", re.IGNORECASE)
# What obstore says about a redirect that it cannot follow, whose body it does not show.
_REDIRECT = "redirect without LOCATION"
_SAID_LIMIT = 300


def parse_store_error(text: str) -> StoreError | None:
    """Return the error response that the text of a client's exception tells of; None if there was no response."""
    text = _CAUSE.sub(": ", text)
    if _REDIRECT in text:
        return StoreError("301 Moved Permanently", "PermanentRedirect", "", is_page=False)
    status, code = _STATUS.search(text), _CODE.search(text)
    if not status and not code:
        return None
    is_page = not code and _PAGE.search(text) is not None
    said = _SAID.search(text)
    words = " ".join(redact(said[1] or said[2] or "").split())[:_SAID_LIMIT] if said else ""
    return StoreError(status[0] if status else "", code[1] or code[2] if code else "", words, is_page)


def lacks_code(text: str) -> bool:
    """Return whether a request was refused (4xx) in a response without a code, as those to a HEAD are."""
    found = parse_store_error(text)
    return found is not None and not found.code and found.status.startswith("4")


def permanent_remedy(error: StoreError, access: Access) -> str | None:
    """Return what to do about an error that no retry changes; None for all others."""
    if error.code:
        remedy = _KMS if _PERMANENT_KMS.match(error.code) else _PERMANENT.get(error.code)
        if remedy is None and error.code not in _EXPIRED and error.status in ("401 Unauthorized", "403 Forbidden"):
            # A code of another store, but refused all the same.
            remedy = "see the store's documentation of this code"
    else:
        remedy = _PERMANENT_STATUS.get(error.status)
        if error.is_page and remedy:
            remedy = _PROXY
    return remedy.format_map(vars(access)) if remedy else None


def retryable_remedy(error: StoreError | None, access: Access) -> str:
    """Return what to do about an error that a retry may change, if it lasts."""
    return _EXPIRED.get(error.code if error else "", _RETRYABLE).format_map(vars(access))


_HIDDEN = "…"
# What `deltalake` puts in place of each colon.
_CAUSE = re.compile(r"\s*\x1b\[\d+m↳\x1b\[0m\s*")
_SECRETS = (
    # Names of headers, query parameters, XML elements and JSON keys, up to the end of their values.
    re.compile(
        r"((?:x-amz-security-token|x-amz-signature|x-amz-credential|session_?token|secret_?access_?key|"
        r"aws_?access_?key_?id|access_?key_?id|client_?secret|signature|credential|token|password)\b[\"']?\s*[=:>]\s*[\"']?)"
        r"[^\s<&\"',;]+",
        re.IGNORECASE,
    ),
    re.compile(r"(authorization[\"']?\s*[:=]\s*)[^\n<]+", re.IGNORECASE),
    re.compile(r"(<(?:StringToSign|CanonicalRequest)(?:Bytes)?>).*?(?=</|\Z)", re.IGNORECASE | re.DOTALL),
    re.compile(r"(\w+://)[^/\s@]+(?=@)"),
    # Ids of access keys stand in messages and credential scopes without a name before them.
    re.compile(r"()\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"),
)


def redact(text: str) -> str:
    """Return an error text without session tokens, signatures, keys and credentials in addresses.

    Every text that a client of the store produced passes here before it is shown or logged.
    """
    text = _CAUSE.sub(": ", text)
    for secret in _SECRETS:
        text = secret.sub(rf"\1{_HIDDEN}", text)
    return text


def has_secret(text: str) -> bool:
    """Return whether `redact` would hide a part of a text."""
    return _HIDDEN in redact(text.replace(_HIDDEN, ""))
