"""The project's Markdown pages, their code blocks and links."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.harness.pipeline import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").rglob("*.md") if "from-code" not in path.parts)])

_BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A code block on a page.

    Attributes:
        language: as given after the fence; "" if there is none.
    """

    page: Path
    language: str
    text: str

    @property
    def name(self) -> str:
        """The page and the block's beginning, to name a test."""
        return f"{name_of(self.page)}: {self.text[:30].splitlines()[0]}"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """Return the page's code blocks in order."""
    return [Block(page, language, text) for language, text in _BLOCK.findall(page.read_text())]


def links(page: Path) -> list[str]:
    """Return the targets of the page's links and images, except in code blocks."""
    return _LINK.findall(_BLOCK.sub("", page.read_text()))


def block_of(page: str, language: str, number: int = 0) -> str:
    """Return the text of one code block of a page in `docs`."""
    return [block.text for block in blocks(ROOT / "docs" / page) if block.language == language][number]
