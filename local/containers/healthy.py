"""A service's health: `python -m local.containers.healthy URL [COMPONENT]` ends with 0 where it is well.

With a component the URL is that of Airflow's health page, and its word counts.
"""

import json
import sys
import urllib.request

_SECONDS = 5


def main() -> None:
    """Ask once."""
    url, *component = sys.argv[1:]
    with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
        said = answer.read()
    if component:
        status = json.loads(said)[component[0]]["status"]
        if status != "healthy":
            sys.exit(f"{component[0]} is {status}")


if __name__ == "__main__":
    main()
