"""Write the inputs and outputs of each module into its README: `python terraform/readme.py`.

What stands above the marker in a README is written by hand and stays.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

TERRAFORM = Path(__file__).parent
_MARKER = "<!-- From here on written by terraform/readme.py. -->"


def main() -> None:
    """Rewrite every README that is out of date."""
    for module in modules():
        (module / "README.md").write_text(readme(module))
    sys.stdout.write("the READMEs of all modules are up to date\n")


def modules() -> list[Path]:
    """Return the folders with variables, in a fixed order."""
    return sorted(file.parent for file in TERRAFORM.rglob("variables.tf") if ".terraform" not in file.parts)


def readme(module: Path) -> str:
    """Return the README of a module, as it has to be.

    Raises:
        FileNotFoundError: it has none; write the part above the marker first.
    """
    by_hand = (module / "README.md").read_text().partition(_MARKER)[0].rstrip()
    inputs = ["| input | description | type | default |", "| --- | --- | --- | --- |"]
    for name, body in sorted(_blocks(module, "variable")):
        default = f"`{_literal(body['default'])}`" if "default" in body else "required"
        inputs.append(f"| `{name}` | {_text(body['description'])} | `{_type(body['type'])}` | {default} |")
    outputs = ["| output | description |", "| --- | --- |"]
    outputs += [f"| `{name}` | {_text(body['description'])} |" for name, body in sorted(_blocks(module, "output"))]
    return "\n".join([by_hand, "", _MARKER, "", *inputs, "", *outputs, ""])


def _blocks(module: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in module.glob("*.tf"):
        for block in hcl2.loads(file.read_text()).get(kind, []):
            [(name, body)] = block.items()
            yield name.strip('"'), body


def _text(value: Any) -> str:
    return str(value).strip('"').replace("|", "\\|")


def _type(value: Any) -> str:
    """Return a type by its name; the attributes of an object are in variables.tf."""
    name = str(value).removeprefix("${").removesuffix("}")
    return "object" if name.startswith("object(") else name


def _literal(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict() | list():
            return "{}" if isinstance(value, dict) else "[]"
        case _:
            return str(value)


if __name__ == "__main__":
    main()
