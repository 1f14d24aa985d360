"""Java 17 or later: found, else fetched into `.venv`, else asked for in one line. `python -m local.java` does it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = 17
_APT_PACKAGE = f"openjdk-{OLDEST}-jre-headless"
_FETCHED = Path(sys.prefix) / "java"


def java_version(text: str) -> int | None:
    """Return the major version that `java -version` printed, None where it is no such text."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def find_java() -> Path | None:
    """Return the first home of a Java that is new enough: JAVA_HOME, one fetched earlier, `java` on the PATH."""
    return next((home for home in _homes() if (_version_at(home) or 0) >= OLDEST), None)


def fetch_java() -> Path:
    """Fetch a Java: from its vendor where the network allows, else the system's package where root may.

    Raises:
        SystemExit: neither worked; the message says what to do.
    """
    for fetch in (_fetch_with_install_jdk, _fetch_with_apt):
        fetch()
        home = find_java()
        if home:
            return home
    raise SystemExit(
        f"Java {OLDEST} or later is needed and could not be fetched: install one (Debian, Ubuntu: {_APT_PACKAGE}),"
        " or set JAVA_HOME"
    )


def _homes() -> Iterator[Path]:
    if "JAVA_HOME" in os.environ:
        yield Path(os.environ["JAVA_HOME"])
    yield from sorted(_FETCHED.glob("*"))
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    yield from sorted(Path("/usr/lib/jvm").glob("*"))


def _version_at(home: Path) -> int | None:
    java = home / "bin" / "java"
    if not java.exists():
        return None
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    return java_version(said.stderr)


def _fetch_with_install_jdk() -> None:
    import jdk

    print(f"no Java {OLDEST} found: fetching one into {_FETCHED}", file=sys.stderr)
    try:
        jdk.install(str(OLDEST), jre=True, path=str(_FETCHED))
    except Exception as error:  # noqa: BLE001 - whatever stopped it, there is another way
        print(f"could not be fetched ({error})", file=sys.stderr)


def _fetch_with_apt() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"installing the system's package {_APT_PACKAGE}", file=sys.stderr)
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", _APT_PACKAGE]):
        subprocess.run(command, check=False, stdout=sys.stderr)


if __name__ == "__main__":
    print(find_java() or fetch_java())
