"""Plots of the results, as reproducible SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

_IMAGES = Path(__file__).parents[1] / "docs" / "images"


@dataclass(frozen=True)
class Line:
    """One labelled line of a plot."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def draw(name: str, title: str, x: str, y: str, lines: Sequence[Line]) -> None:
    """Draw lines on logarithmic axes into `docs/images/<name>.svg`."""
    with plt.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}):
        figure, axes = plt.subplots(figsize=(7, 4))
        for line in lines:
            axes.loglog(line.x, line.y, marker="o", label=line.label)
        axes.set(title=title, xlabel=x, ylabel=y)
        axes.grid(visible=True, which="both", alpha=0.25)
        axes.legend()
        figure.savefig(_IMAGES / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
