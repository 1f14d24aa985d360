"""Recognition of requests that a web page of another origin makes a browser send to a server on loopback.

The local S3 and the local Databricks refuse them: any page that is open in a browser on this machine can send requests
to loopback, and a page whose host name resolves to this machine (DNS rebinding) can also read the responses.
"""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("127.0.0.1", "localhost")


def reason_to_refuse(method: str, headers: Mapping[str, str], names: Collection[str] = LOOPBACK_NAMES) -> str | None:
    """Return why a request is refused, None if it is not.

    A link from another page may be followed, since that page cannot read where it leads.

    Args:
        headers: by name in lower case.
        names: the server's host names, without port: behind a port mapping it does not know its own.
    """
    host = headers.get("host", "")
    if _hostname(f"//{host}") not in names:
        return f"The host {host!r} is not one of {', '.join(names)}."
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return f"The request comes from a web page of another origin, {origin!r}."
    site = headers.get("sec-fetch-site", "none")
    if site not in ("none", "same-origin") and not _is_followed_link(method, headers):
        return f"The request comes from a web page of another origin (Sec-Fetch-Site: {site})."
    return None


def _is_followed_link(method: str, headers: Mapping[str, str]) -> bool:
    to = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return method == "GET" and to == ("navigate", "document")


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
