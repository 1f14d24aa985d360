"""Generator of the reference pages that are built from the code, so that they cannot be out of date."""

import inspect
import logging
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import hcl2
import pyarrow as pa
from fastapi.routing import APIRoute

from local.databricks.api import Service, build_api
from local.databricks.attempts import EngineSettings
from local.databricks.engine import Engine
from local.databricks.store import Store
from orchestration.settings import Levels
from orchestration.settings import Settings as DagSettings
from spark_jobs import exit_codes
from spark_jobs.chunker.looks import ChunkerSummary
from spark_jobs.errors import PipelineError
from spark_jobs.kernel.pair_rows import PAIRS_SCHEMA
from spark_jobs.lake.heartbeat import Heartbeat
from spark_jobs.lake.heartbeat_history import Sample
from spark_jobs.lake.offset import Offset
from spark_jobs.lake.what_if_differences import DIFFERENCES_SCHEMA
from spark_jobs.lake.what_if_report import Compared, Example, PatternReport, VersionInForce, WhatIfReport
from spark_jobs.lake.what_if_request import WhatIfRequest
from spark_jobs.patterns.built_in import THRESHOLDS
from spark_jobs.patterns.detections import DETECTIONS_SCHEMA, SHADOW_SCHEMA
from spark_jobs.patterns.evaluate import MERCHANTS_SCHEMA
from spark_jobs.patterns.grammar import OPERATORS
from spark_jobs.patterns.measures import MEASURES
from spark_jobs.patterns.rules import PATTERN_KEYS

_HERE = Path(__file__).parent
_COMMANDS = (
    ("chunker", "spark_jobs.chunker.cli"),
    ("detector", "spark_jobs.detector.cli"),
    ("maintain_state", "spark_jobs.maintenance.cli"),
    ("rules", "spark_jobs.publishing.cli"),
    ("explain", "spark_jobs.explaining.cli"),
    ("what_if", "spark_jobs.what_if.cli"),
    ("publish_rules", "spark_jobs.publishing.job"),
    ("make run", "local.run"),
    ("make smoke", "smoke"),
    ("The local Databricks", "local.databricks"),
)
_TABLES = {
    "state/pairs": PAIRS_SCHEMA,
    "state/merchants": MERCHANTS_SCHEMA,
    "state/detections": DETECTIONS_SCHEMA,
    "state/shadow": SHADOW_SCHEMA,
    "what_if/REPORT/differences.parquet": DIFFERENCES_SCHEMA,
}


def write_pages(directory: Path) -> None:
    """Write all pages into a directory, creating it if necessary."""
    directory.mkdir(parents=True, exist_ok=True)
    pages = {
        "commands": commands_page(),
        "errors": errors_page(),
        "conditions": conditions_page(),
        "thresholds": thresholds_page(),
        "airflow-settings": airflow_settings_page(),
        "tables": tables_page(),
        "small-files": small_files_page(),
        "local-databricks": local_databricks_page(),
        "terraform-variables": terraform_variables_page(),
    }
    for name, text in pages.items():
        (directory / f"{name}.md").write_text(text)


def commands_page() -> str:
    """Return the page of all commands and their options."""
    sections = [f"## {title}\n\n```text\n{_help_of(module)}\n```\n" for title, module in _COMMANDS]
    return "# Commands\n\nThe output of each command's `--help`.\n\n" + "\n".join(sections)


def errors_page() -> str:
    """Return the page of exit codes and errors."""
    codes = [
        (exit_codes.DONE, "done, or stopped on request"),
        (exit_codes.NOTHING_NEW, "the chunker found nothing new"),
        (2, "invalid command line"),
        (exit_codes.FAILED_RETRYABLE, "failed; running it again can help"),
        (exit_codes.FAILED_PERMANENT, "failed permanently; somebody has to act first"),
    ]
    errors = [
        (f"`{error.__name__}`", exit_codes.of_error(error("")), _sentence(error.__doc__))
        for error in sorted(_leaves(PipelineError), key=lambda error: error.__name__)
    ]
    return (
        "# Exit codes and errors\n\nThey are the same for all commands.\n\n"
        f"{_table(('code', 'means'), codes)}\n"
        "An error is one log line that names the thing, the place and the remedy. "
        "Its field `error` is one of these:\n\n"
        f"{_table(('error', 'exit code', 'when'), errors)}"
    )


def thresholds_page() -> str:
    """Return the page of the shorthands for numbers of the built-in patterns."""
    rows = [
        (
            f"`{name}`",
            t.pattern_id,
            f"`{t.built_in.text}`",
            f"{t.default:g}",
            "percentile" if t.is_percentile else "number",
        )
        for name, t in THRESHOLDS.items()
    ]
    return (
        "# Thresholds\n\nShorthands that replace a number in a built-in condition. Set them with the detector's "
        "`--threshold NAME=VALUE[,NAME=VALUE…]`, or with the parameter `threshold` of its job.\n\n"
        f"{_table(('threshold', 'pattern', 'condition', 'default', 'replaces its'), rows)}"
    )


def conditions_page() -> str:
    """Return the page of a pattern's keys, the grammar of conditions, and the measures."""
    keys = [(f"`{key}`", meaning) for key, meaning in PATTERN_KEYS.items()]
    measures = "\n".join(
        f"### Of a {subject}\n\n"
        + _table(("measure", "unit", "meaning"), [(f"`{m.name}`", m.unit, m.meaning) for m in of.values()])
        for subject, of in MEASURES.items()
    )
    return (
        "# Conditions and measures\n\nA file of rules is TOML with one `[[pattern]]` for each pattern:\n\n"
        f"{_table(('key', 'meaning'), keys)}\n"
        "## Conditions\n\nA condition is `OPERAND OPERATOR OPERAND`, and a pattern holds where all its conditions hold."
        f" The operators are {', '.join(f'`{operator}`' for operator in OPERATORS)}. An operand is one of these:\n\n"
        "- a number, such as `80`, `22.5` or `1e6`;\n"
        "- a measure of the subject by its name, such as `transactions`;\n"
        "- in a pattern of pairs, a measure of the pair's merchant, such as `merchant.transactions`;\n"
        "- `percentile(MEASURE, Q)`: percentile Q (0 to 100) of a measure of pairs over the merchant's customers that "
        "have a value; exact, with linear interpolation.\n\n"
        "At least one side must not be a number, and measures must have the same unit. A condition with a measure that "
        "has no value does not hold.\n\n"
        f"## Measures\n\n{measures}"
    )


def airflow_settings_page() -> str:
    """Return the page of the DAGs' settings."""
    rows = [
        (f"`{name}`", _kind_name(f.annotation), f"`{_default(f.default)}`", str(f.description).removesuffix("."))
        for name, f in DagSettings.model_fields.items()
    ]
    return (
        "# Settings of the DAGs\n\nA JSON object in the Airflow variable `transaction_patterns`, or in the environment "
        "variable `AIRFLOW_VAR_TRANSACTION_PATTERNS`. An unknown or invalid setting is refused by name.\n\n"
        f"{_table(('setting', 'type', 'default', 'meaning'), rows)}"
    )


def tables_page() -> str:
    """Return the page of the Delta tables' columns."""
    meanings = tomllib.loads((_HERE / "reference" / "columns.toml").read_text())
    parts = [
        "# Tables\n\nThose under `state/` are Delta tables: every row holds totals as of its `line`, and rows are only "
        "ever appended. The differences of a what-if are a Parquet file.\n"
    ]
    for title, schema in _TABLES.items():
        name = title.rpartition("/")[2].removesuffix(".parquet")
        rows = [(f"`{field.name}`", f"`{_arrow_type(field.type)}`", meanings[name][field.name]) for field in schema]
        unknown = set(meanings[name]) - set(schema.names) - {"table"}
        if unknown:
            raise KeyError(f"docs/reference/columns.toml: {name} has no column {', '.join(sorted(unknown))}")
        parts.append(f"## {title}\n\n{meanings[name]['table']}\n\n{_table(('column', 'type', 'meaning'), rows)}")
    return "\n".join(parts)


def small_files_page() -> str:
    """Return the page of the small files' fields and of the chunker's summary."""
    files: Sequence[tuple[str, str, type]] = [
        ("offset.csv", "A header and one row, replaced with `If-Match`.", Offset),
        (
            "state/detector.json",
            "The detector's heartbeat, written every second. Also contains `lag_lines`.",
            Heartbeat,
        ),
        ("state/detector_history.json", "One row per minute, at most 24 hours.", Sample),
        ("what_if/REPORT/request.json", "What a what-if was asked for, created once.", WhatIfRequest),
        (
            "what_if/REPORT/report.json",
            "The result, created once; `what_if --format json` prints the same.",
            WhatIfReport,
        ),
        ("`patterns` of a report", "One object for each pattern.", PatternReport),
        ("`examples` of a pattern", "One object for each difference.", Example),
        ("`evidence` of an example", "One object for each condition; `evidence_before` likewise.", Compared),
        ("`versions` of a report", "One object for each version.", VersionInForce),
        ("The chunker's summary", "One line of JSON on standard output.", ChunkerSummary),
    ]
    parts = ["# Small files\n"]
    for title, text, kind in files:
        meanings = attributes(kind)
        rows = [(f"`{f.name}`", _kind_name(f.type), meanings[f.name]) for f in fields(kind)]
        parts.append(f"## {title}\n\n{text}\n\n{_table(('field', 'type', 'meaning'), rows)}")
    return "\n".join(parts)


def local_databricks_page() -> str:
    """Return the page of the local Databricks' routes."""
    log = logging.getLogger("docs")
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory) / "databricks.db")
        engine = Engine(store, EngineSettings(Path(directory), {}), lambda: 0, log)
        routes = build_api(Service(store, engine, "", "", lambda: 0)).routes
        store.close()
    rows = [
        (", ".join(sorted(route.methods)), f"`{route.path}`")
        for route in routes
        if isinstance(route, APIRoute) and "/2.1/jobs" not in route.path
    ]
    return (
        "# REST API of the local Databricks\n\nRequests and responses are those of the [Databricks Jobs "
        "API](https://docs.databricks.com/api/workspace/jobs); all `jobs` routes also exist under `2.1`. "
        "Send the token as `Authorization: Bearer …`. Arguments of GET are read from the query and from a JSON body. "
        "`/` shows jobs and runs to a browser.\n\n"
        f"{_table(('method', 'path'), rows)}"
    )


def terraform_variables_page() -> str:
    """Return the page of the Terraform root's variables."""
    parsed = hcl2.loads((_HERE.parent / "terraform" / "variables.tf").read_text())
    rows = []
    for block in parsed["variable"]:
        for name, variable in block.items():
            if not isinstance(variable, Mapping):
                continue
            default = _hcl(variable["default"]) if "default" in variable else "required"
            rows.append((f"`{_hcl(name)}`", default, _hcl(variable["description"])))
    return (
        "# Terraform variables\n\nSet them in `terraform/environments/<name>/terraform.tfvars`.\n\n"
        f"{_table(('variable', 'default', 'meaning'), rows)}"
    )


def attributes(kind: type) -> Mapping[str, str]:
    """Return the meaning of each attribute of a dataclass, from its docstring or else from its name.

    Raises:
        KeyError: if the docstring describes an unknown attribute.
    """
    names = {field.name for field in fields(kind)}
    found = {name: name.replace("_", " ") for name in names}
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    for entry in re.split(r"\n    (?! )", "\n" + section.split("\n\n")[0]):
        heading, _, meaning = entry.partition(":")
        for name in filter(None, (name.strip() for name in heading.split(","))):
            if name not in names:
                raise KeyError(f"{kind.__name__} has no attribute {name}")
            found[name] = " ".join(meaning.split()).removesuffix(".")
    return found


def _help_of(module: str) -> str:
    # A fixed width makes the page independent of the terminal.
    environment = {**os.environ, "COLUMNS": "100"}
    said = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=_HERE.parent,
    )
    return said.stdout.strip()


def _leaves(kind: type[PipelineError]) -> Iterator[type[PipelineError]]:
    for derived in kind.__subclasses__():
        if derived.__subclasses__():
            yield from _leaves(derived)
        else:
            yield derived


def _sentence(text: str | None) -> str:
    return (
        (text or "").split("\n")[0].removeprefix("Raised when ").removeprefix("Raised where ").strip().removesuffix(".")
    )


def _kind_name(annotation: object) -> str:
    kind = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return {
        "str": "text",
        "int": "integer",
        "float": "number",
        "Levels": "levels",
        "datetime": "time",
        "Counter": "counts",
        "Sequence": "list",
        "bool": "true or false",
        "int | None": "integer or null",
        "float | None": "number or null",
        "WhatIfRequest": "object, as above",
    }.get(kind, kind)


def _default(value: object) -> str:
    if isinstance(value, Levels):
        return f'{{"warning": {value.warning:g}, "critical": {value.critical:g}}}'
    return f'"{value}"' if isinstance(value, str) else str(value)


def _arrow_type(kind: pa.DataType) -> str:
    return str(kind).replace(" ('evidence')", "")


def _hcl(value: object) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text.strip('"') or '""'


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)
