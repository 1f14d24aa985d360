"""Find Java 17 or later, or install it into `.venv`: `python -m local.java`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = 17
# Options for every Java that is started; an invalid one keeps Java from starting.
JAVA_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_APT_PACKAGE = f"openjdk-{OLDEST}-jre-headless"
_FETCHED = Path(sys.prefix) / "java"


def java_version(text: str) -> int | None:
    """Return the major version in the output of `java -version`, None if there is none."""
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def find_java() -> Path | None:
    """Return the home of the first recent Java among JAVA_HOME, one installed in `.venv`, `java` on the PATH."""
    return next((home for home in _homes() if (_version_at(home) or 0) >= OLDEST), None)


def fetch_java() -> Path:
    """Install Java: from its vendor, or as a Debian package if this is root.

    Raises:
        SystemExit: neither worked; the message says what to do.
    """
    for fetch in (_fetch_with_install_jdk, _fetch_with_apt):
        fetch()
        home = find_java()
        if home:
            return home
    raise SystemExit(
        f"Java {OLDEST} or later is required and could not be downloaded: install it (Debian, Ubuntu: {_APT_PACKAGE}),"
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
    environment = {name: value for name, value in os.environ.items() if name not in JAVA_OPTIONS}
    done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, env=environment)
    return java_version(done.stderr)


def _fetch_with_install_jdk() -> None:
    import jdk

    print(f"no Java {OLDEST} found: downloading it into {_FETCHED}", file=sys.stderr)
    try:
        jdk.install(str(OLDEST), jre=True, path=str(_FETCHED))
    except Exception as error:  # noqa: BLE001 - whatever failed, there is another way
        print(f"the download failed ({error})", file=sys.stderr)


def _fetch_with_apt() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"installing the package {_APT_PACKAGE}", file=sys.stderr)
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", _APT_PACKAGE]):
        subprocess.run(command, check=False, stdout=sys.stderr)


if __name__ == "__main__":
    print(find_java() or fetch_java())
