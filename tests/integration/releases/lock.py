"""Lock what MWAA's image has besides `terraform/mwaa/requirements.txt`: `python -m tests.integration.releases.lock`.

These are Airflow's auth managers: FAB's, which MWAA uses, and Keycloak's. Run it after `terraform/mwaa/lock.py`. Needs
the package index.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.harness.pipeline import ROOT

sys.path.insert(0, str(ROOT / "terraform"))

from dist import MWAA, requirements_in

LOCKED = Path(__file__).with_name("auth_managers.txt")
_HEADER = "# Written by tests/integration/releases/lock.py: auth managers for Airflow in MWAA, Python 3.12 on x86-64.\n"
# The versions of Airflow's own constraints for 3.3.1, with which the image is built.
_WANTED = ("apache-airflow-providers-fab==3.8.0", "apache-airflow-providers-keycloak==0.8.2")


def main() -> None:
    """Resolve them under what MWAA installs, and write those that it lacks, with hashes."""
    installed = {entry.split()[0] for entry in requirements_in((MWAA / "requirements.txt").read_text())}
    with tempfile.TemporaryDirectory() as directory:
        pins, wanted = Path(directory) / "pins.txt", Path(directory) / "wanted.in"
        pins.write_text("\n".join(installed))
        wanted.write_text("\n".join(_WANTED))
        command = [str(Path(sys.prefix) / "bin" / "uv"), "pip", "compile", "--quiet", "--python-version=3.12"]
        command += ["--python-platform=x86_64-manylinux_2_28", "--only-binary=:all:", "--generate-hashes"]
        command += ["--no-annotate", "--no-header", f"--constraint={MWAA / 'enforced.txt'}", f"--constraint={pins}"]
        resolved = subprocess.run(
            [*command, str(wanted)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
    lacking = [entry for entry in requirements_in(resolved) if entry.split()[0] not in installed]
    lines = [entry.replace(" --hash", " \\\n    --hash") for entry in lacking]
    LOCKED.write_text(_HEADER + "".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
