"""Lock the packages of Airflow in MWAA: write requirements.txt, with one hash each, from what its image enforces.

Run it after a change of the wheel's dependencies, of the providers in uv.lock, or of enforced.txt. Needs the package
index.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from dist import _UV, MWAA, download_for_mwaa, requirements_in

_ROOT = MWAA.parent.parent
_HEADER = "# Written by terraform/mwaa/lock.py: what Airflow in MWAA needs, for Python 3.12 on x86-64.\n"


def main() -> None:
    """Resolve, download, and write the hashes of what was downloaded."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    providers = [line for line in project["dependency-groups"]["airflow"] if "providers" in line]
    wanted = [*project["project"]["dependencies"], *providers, "apache-airflow"]
    with tempfile.TemporaryDirectory() as directory:
        inputs = Path(directory) / "requirements.in"
        inputs.write_text("\n".join(wanted))
        command = [
            str(_UV),
            "pip",
            "compile",
            "--quiet",
            "--python-version=3.12",
            "--python-platform=x86_64-manylinux_2_28",
        ]
        command += ["--only-binary=:all:", "--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url"]
        command += ["--no-emit-find-links", f"--constraint={MWAA / 'enforced.txt'}", str(inputs)]
        resolved = subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        downloads = Path(directory) / "wheels"
        downloads.mkdir()
        download_for_mwaa(requirements_in(resolved), downloads)
        hashes = {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in downloads.glob("*.whl")}
    lines = []
    for entry in requirements_in(resolved):
        [found] = set(re.findall(r"sha256:([0-9a-f]{64})", entry)) & hashes
        lines.append(f"{entry.split()[0]} \\\n    --hash=sha256:{found}\n")
    (MWAA / "requirements.txt").write_text(_HEADER + "".join(lines))


if __name__ == "__main__":
    main()
