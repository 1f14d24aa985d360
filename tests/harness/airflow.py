"""What the tests run in a warm process with Airflow, perhaps of another release: keep it to what every release has."""

import importlib
import pkgutil
import sys

from airflow.__main__ import main as airflow


def main(arguments: list[str]) -> int:
    """Run a command of `airflow`."""
    sys.argv = ["airflow", *arguments]
    airflow()  # type: ignore[no-untyped-call]
    return 0


def import_plugins(packages: list[str]) -> int:
    """Import every module of packages."""
    for package in packages:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    return 0
