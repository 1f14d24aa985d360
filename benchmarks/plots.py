"""Plots of what was measured, as SVG: the same data give the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

_IMAGES = Path(__file__).parents[1] / "docs" / "images"


@dataclass(frozen=True)
class Line:
    """What is drawn under a name."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def draw(name: str, title: str, x: str, y: str, lines: Sequence[Line]) -> None:
    """Draw lines on logarithmic axes, into the documentation's image `name`."""
    with plt.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}):
        figure, axes = plt.subplots(figsize=(7, 4))
        for line in lines:
            axes.loglog(line.x, line.y, marker="o", label=line.label)
        axes.set(title=title, xlabel=x, ylabel=y)
        axes.grid(visible=True, which="both", alpha=0.25)
        axes.legend()
        figure.savefig(_IMAGES / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
