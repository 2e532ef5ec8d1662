"""Draws charts that it reads as JSON, to SVG and PNG; runs where matplotlib is installed.

draw.py FOLDER < charts
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")
mpl.rcParams["svg.hashsalt"] = "goncordia"  # the same picture for the same figures

import matplotlib.pyplot as plt  # noqa: E402 - after the choice above

OURS, RAW = "#c2410c", "#9ca3af"
OTHERS = ("#1d4ed8", "#15803d", "#7e22ce", "#0e7490", "#a16207", "#be185d")


def colours(subjects: list[str]) -> dict[str, str]:
    """Ours stands out, raw stands back."""
    others = iter(OTHERS * 3)
    return {
        s: OURS if s.startswith("goncordia") else RAW if s.startswith("raw") else next(others)
        for s in subjects
    }


def draw(chart: dict[str, Any], folder: Path) -> None:
    """One picture."""
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    (lines if chart["lines"] else bars)(axes, chart)
    axes.set_title(chart["title"], fontsize=9)
    axes.set_ylabel(chart["unit"])
    if chart["log"]:
        axes.set_yscale("log")
        axes.set_ylim(bottom=chart["log"])
    else:
        axes.set_ylim(bottom=0)
    axes.set_xticks(range(len(chart["labels"])), chart["labels"])
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, ncols=4)
    for suffix in ("svg", "png"):
        extra = {"Date": None} if suffix == "svg" else {}
        figure.savefig(folder / f"{chart['name']}.{suffix}", dpi=150, metadata=extra)
    plt.close(figure)


def bars(axes: Any, chart: dict[str, Any]) -> None:
    """Groups of bars, each with its spread."""
    series = chart["series"]
    colour, width = colours(list(series)), 0.8 / len(series)
    for i, (name, found) in enumerate(series.items()):
        at = [(x + (i - (len(series) - 1) / 2) * width, bar) for x, bar in enumerate(found) if bar]
        spreads = spread([bar for _, bar in at])
        heights = [bar["middle"] for _, bar in at]
        places = [x for x, _ in at]
        axes.bar(places, heights, width, yerr=spreads, color=colour[name], label=name, capsize=2)


def lines(axes: Any, chart: dict[str, Any]) -> None:
    """A line a subject."""
    colour = colours(list(chart["series"]))
    for name, found in chart["series"].items():
        at = [(x, bar) for x, bar in enumerate(found) if bar]
        axes.errorbar(
            [x for x, _ in at],
            [bar["middle"] for _, bar in at],
            yerr=spread([bar for _, bar in at]),
            color=colour[name],
            label=name,
            marker="o",
            linestyle="--" if name.endswith("finished") else "-",
            capsize=3,
        )


def spread(found: list[dict[str, float]]) -> list[list[float]]:
    """Below and above the median."""
    below = [bar["middle"] - bar["least"] for bar in found]
    return [below, [bar["most"] - bar["middle"] for bar in found]]


if __name__ == "__main__":
    for chart in json.load(sys.stdin):
        draw(chart, Path(sys.argv[1]))
