"""Links resolve, code parses, and the commands shown exist with the options they are shown with."""

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import hcl2
import pytest

from tests.harness.pipeline import ROOT
from tests.integration.docs.pages import PAGES, Block, blocks, links, name_of

BLOCKS = [block for page in PAGES for block in blocks(page)]
_COMMANDS = {
    "chunker": "spark_jobs.chunker.cli",
    "detector": "spark_jobs.detector.cli",
    "maintain_state": "spark_jobs.maintenance.cli",
    "rules": "spark_jobs.publishing.cli",
    "explain": "spark_jobs.explaining.cli",
    "what_if": "spark_jobs.what_if.cli",
    "publish_rules": "spark_jobs.publishing.job",
}
_TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def commands_in(block: Block) -> list[list[str]]:
    """Return the commands of a console block, without leading variable assignments."""
    found = []
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            words = shlex.split(line[2:], comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            found.append(words)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_to_a_file_resolves(page: Path) -> None:
    made = ROOT / "docs" / "reference" / "from-code"
    for link in links(page):
        if re.match(r"https?:|mailto:|#", link):
            continue
        target = (page.parent / link.partition("#")[0]).resolve()
        assert target.exists() or target.parent == made, f"{name_of(page)}: {link}"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_every_block_has_a_known_language(block: Block) -> None:
    assert block.language in ("", "console", "text", "python", "json", "toml", "hcl", "sql", "csv", "yaml", "{toctree}")


@pytest.mark.parametrize("block", of("python", "json", "toml", "hcl"), ids=lambda block: block.name)
def test_code_parses(block: Block) -> None:
    read: dict[str, Callable[[str], object]] = {
        "python": ast.parse,
        "json": json.loads,
        "toml": tomllib.loads,
        "hcl": hcl2.loads,
    }
    read[block.language](block.text)


@pytest.mark.parametrize("block", of("console"), ids=lambda block: block.name)
def test_every_make_target_exists(block: Block) -> None:
    for words in commands_in(block):
        if words[0] == "make":
            named = [word for word in words[1:] if "=" not in word]
            assert set(named) <= _TARGETS, words


@pytest.mark.parametrize("block", of("console"), ids=lambda block: block.name)
def test_every_option_of_our_commands_exists(block: Block) -> None:
    for words in commands_in(block):
        command, arguments = words[0], words[1:]
        if command == "make" and "run" in words:
            text = next((word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")), "")
            module, arguments = "local.run", shlex.split(text)
        elif command in _COMMANDS:
            module = _COMMANDS[command]
        else:
            continue
        known = _options_of(module)
        shown = {argument.partition("=")[0] for argument in arguments if argument.startswith("--")}
        assert shown <= known, f"{words}: {module} has no {', '.join(shown - known)}"


@cache
def _options_of(module: str) -> set[str]:
    command = [sys.executable, "-m", module, "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return set(re.findall(r"--[a-z][a-z-]*", said))
