"""`make torture`: crash points, storage faults, a soak and a load, with a summary table per chapter.

Runs with the same `--seed` are the same. The default is random and printed.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local import processes
from tests.system.torture import airflow_tables, load, long_form, soak
from tests.system.torture.long_form import run_on_all_cores
from tests.system.torture.survived import Survived

_SEEDS = 1_000_000
Chapter = Callable[[int, Path], list[Survived]]
CHAPTERS: dict[str, Chapter] = {
    "instructions": lambda seed, _: run_on_all_cores(long_form.every_instruction, seed),
    "spark": lambda seed, _: run_on_all_cores(long_form.every_instruction_under_spark, seed),
    "s3": lambda seed, _: run_on_all_cores(long_form.bad_s3, seed),
    "soak": lambda seed, directory: soak.soak(directory, seed),
    "load": lambda seed, directory: load.load(directory, seed),
    "airflow": lambda _, directory: airflow_tables.airflow_tables(directory),
}


def main() -> int:
    """Run the chosen chapters; return 1 if anything failed."""
    options = _parser().parse_args()
    console = Console(width=140)
    console.print(f"seed {options.seed}")
    all_survived = True
    for name in options.only or CHAPTERS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"torture-{name}-") as directory:
            survived = CHAPTERS[name](options.seed, Path(directory))
        console.print(_table(f"{name}, {time.monotonic() - began:.0f} s", survived))
        failures = [failure for line in survived for failure in line.failures]
        for failure in failures:
            console.print(failure, markup=False)
        all_survived = all_survived and not failures
    return 0 if all_survived else 1


def _table(title: str, survived: list[Survived]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("case")
    for name in ("tried", "survived", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("measured")
    for line in survived:
        passed = line.tried - len(line.failures)
        table.add_row(line.what, f"{line.tried:,}", f"{passed:,}", f"{line.seconds:.0f}", line.note)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.system.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(_SEEDS), help="(default: random)")
    parser.add_argument("--only", choices=CHAPTERS, action="append", help="a chapter; repeatable")
    return parser


if __name__ == "__main__":
    sys.exit(processes.run_guarded(main))
