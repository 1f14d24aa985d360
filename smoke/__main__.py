"""`make smoke`: run the deployed jobs once on sample data, and print what a real workspace does with them."""

import argparse
import json
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError

import spark_jobs
from local.jobs import CHUNKER, DETECTOR, MAINTAIN_STATE
from local.sample_data import ROWS, write_sample
from smoke.checks import Deployment, Finding, check
from smoke.scratch import ScratchLake, claim_lake
from smoke.workspace import SmokeError, Workspace
from spark_jobs.command_line import at_least_one
from spark_jobs.errors import PipelineError
from spark_jobs.store.address import parse_address

_TERRAFORM = Path(__file__).parent.parent / "terraform"
# Terraform grants the jobs' role this prefix of the lake's bucket.
_SCRATCH_PREFIX = "smoke"
_JOB_URL = re.compile(r"(https?://[^/]+)/.*?(\d+)")


def main() -> int:
    """Run all checks; print a table to stderr and the findings as JSON to stdout.

    Returns:
        0 if everything is as it must be, 1 if not, 2 if the smoke run could not begin.
    """
    options = _parser().parse_args()
    started_at = datetime.now(UTC)
    try:
        outputs = _outputs(options.outputs)
        host, job_ids = _jobs(outputs["job_urls"])
        workspace = Workspace(WorkspaceClient(host=host))
        jobs = {name: workspace.job(job_id) for name, job_id in job_ids.items()}
        url = options.lake or _scratch_url(outputs["lake"], started_at)
        lake = claim_lake(url, outputs["lake"], {"started_at": started_at.isoformat(), "host": host})
    except (SmokeError, PipelineError, DatabricksError, ValueError) as error:
        print(f"smoke: {error}", file=sys.stderr)
        return 2
    print(f"{'':4}scratch lake {lake.url}", file=sys.stderr)
    with _cleaned_up(workspace, lake, keep=options.keep), tempfile.TemporaryDirectory(prefix="smoke-") as name:
        sample, chunks = Path(name) / "sample", Path(name) / "chunks"
        write_sample(sample, options.rows)
        deployment = Deployment(
            workspace, jobs[CHUNKER], jobs[DETECTOR], jobs[MAINTAIN_STATE], lake, sample, options.rows, chunks
        )
        findings = list(_reported(deployment))
    passed = all(finding.ok is not False for finding in findings)
    report = {
        "started_at": started_at.isoformat(timespec="seconds"),
        "version": spark_jobs.__version__,
        "host": host,
        "rows": options.rows,
        "passed": passed,
        "findings": [asdict(finding) for finding in findings],
    }
    print(json.dumps(report, indent=1))
    return 0 if passed else 1


def _reported(deployment: Deployment) -> Iterator[Finding]:
    """Print each finding as soon as it is known; a check that cannot go on is the last one."""
    try:
        for finding in check(deployment):
            _print(finding)
            yield finding
    except (SmokeError, PipelineError, DatabricksError) as error:
        failed = Finding("the smoke run ended early", str(error), ok=False)
        _print(failed)
        yield failed


def _print(finding: Finding) -> None:
    mark = {True: "ok", False: "BAD", None: ""}[finding.ok]
    print(f"{mark:<4}{finding.what:<75} {finding.value}", file=sys.stderr, flush=True)


@contextmanager
def _cleaned_up(workspace: Workspace, lake: ScratchLake, *, keep: bool) -> Iterator[None]:
    """At the end, also after Ctrl-C or a failure, cancel the runs that are left, and delete the lake."""
    try:
        yield
    finally:
        try:
            workspace.cancel_started()
            done = f"kept {lake.url}" if keep else f"deleted {lake.delete()} objects below {lake.url}"
        except (SmokeError, PipelineError, DatabricksError) as error:
            done = f"{lake.url} is left, delete it by hand: {error}"
        print(f"{'':4}{done}", file=sys.stderr)


def _outputs(file: Path | None) -> dict[str, Any]:
    """Return the outputs of the root module: from a file, or of the environment that Terraform is set to.

    Raises:
        SmokeError: Terraform fails, or an output is missing.
    """
    if file:
        text = file.read_text()
    else:
        command = ["terraform", f"-chdir={_TERRAFORM}", "output", "-json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            msg = "Terraform is not installed; give a file with the output of `terraform output -json` as --outputs"
            raise SmokeError(msg) from error
        if done.returncode:
            msg = f"{' '.join(command)} failed, so it is unknown what is deployed: {done.stderr.strip()}"
            raise SmokeError(msg)
        text = done.stdout
    found = {name: output["value"] for name, output in json.loads(text).items()}
    missing = [name for name in ("job_urls", "lake") if name not in found]
    if missing:
        msg = f"Terraform has no output {' and '.join(missing)}: apply first (docs/how-to/deploy.md), check TF_DATA_DIR"
        raise SmokeError(msg)
    return found


def _jobs(urls: Mapping[str, str]) -> tuple[str, dict[str, int]]:
    """Return the workspace's URL and the ids of the jobs by name, from the URLs of their pages."""
    parsed = {}
    for name in (CHUNKER, DETECTOR, MAINTAIN_STATE):
        found = _JOB_URL.fullmatch(urls.get(name, ""))
        if found is None:
            msg = f"the output job_urls has no page of a job for {name}, it has {dict(urls)}"
            raise SmokeError(msg)
        parsed[name] = found
    return parsed[CHUNKER][1], {name: int(found[2]) for name, found in parsed.items()}


def _scratch_url(lake: str, started_at: datetime) -> str:
    """Return a new place in the bucket of the deployment's lake."""
    bucket = parse_address(lake).bucket
    return f"s3://{bucket}/{_SCRATCH_PREFIX}/{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make smoke ARGS=…",
        description="Run the deployed jobs once on sample data in a lake of their own, and print what was found.",
        epilog="Exit codes: 0 everything is as it must be, 1 something is not, 2 it could not begin.",
    )
    parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="the output of `terraform output -json` (default: ask Terraform in terraform/)",
    )
    parser.add_argument(
        "--lake",
        metavar="URL",
        help="an empty place that the jobs' role can write (default: a new one below smoke/ in the lake's bucket)",
    )
    parser.add_argument("--rows", type=at_least_one, default=ROWS, help="rows of sample data (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="do not delete the scratch lake at the end")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
