"""Parts of the sheets of comparisons: curves with bands, grids of samples. This file draws them."""

import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D

from gamelearn.comparison.lines import AXES, Axis, Line
from gamelearn.disk import write_whole
from gamelearn.report.curves import plain_text, scale_values
from gamelearn.report.pictures import Pixels, grid

STYLE: dict[Any, Any] = {"font.size": 9, "axes.titlesize": 9, "legend.fontsize": 9}
_FEW_POINTS = 20
_SHADE = 0.18
_TICKS = 5
_LEGEND_LETTERS = 130
_LEGEND_MARK = 8


def colour_of(labels: Sequence[str]) -> dict[str, Any]:
    """Return a colour for every label."""
    colours = matplotlib.colormaps["tab10"].colors  # type: ignore[attr-defined]
    return {label: colours[index % len(colours)] for index, label in enumerate(labels)}


def draw_lines(axes: Axes, lines: Sequence[Line], axis: Axis, title: str, colours: Mapping[str, Any]) -> None:
    """Draw curves with their spread as bands; the axis of values leaves out the first twentieth of long curves."""
    for line in lines:
        colour, mean, spread = colours[line.label], np.array(line.mean), np.array(line.spread)
        axes.plot(line.at[axis], mean, color=colour, linewidth=1.2, marker="." if len(mean) <= _FEW_POINTS else None)
        if line.runs > 1:
            axes.fill_between(line.at[axis], mean - spread, mean + spread, color=colour, alpha=_SHADE, linewidth=0)
    if lines and max(len(line.mean) for line in lines) > _FEW_POINTS:
        scale_values(axes, {line.label: ([round(each) for each in line.at["rounds"]], line.mean) for line in lines}, logarithmic=False)
    axes.set_xlabel(AXES[axis])
    axes.locator_params(axis="x", nbins=_TICKS)
    axes.set_title(plain_text(title), loc="left")
    axes.grid(color="0.93", zorder=0)


def draw_grid(axes: Axes, cells: Pixels, title: str, colour: Any) -> None:
    """Draw images as a square grid, under a title in a colour."""
    axes.imshow(grid(cells), interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(plain_text(title), loc="left", color=colour)


def draw_legend(figure: FigureBase, colours: Mapping[str, Any], notes: Sequence[str], *, outside: bool = True) -> None:
    """Draw which colour is which group, with what the bands are: above all else of a figure, or inside of a part of one."""
    handles = [Line2D([], [], color=colour, marker="o", label=plain_text(label)) for label, colour in colours.items()]
    figure.legend(
        handles=handles,
        loc="outside upper left" if outside else "upper left",
        ncols=legend_columns(colours),
        frameon=False,
        title=plain_text("; ".join(notes)),
        alignment="left",
    )


def legend_columns(labels: Collection[str]) -> int:
    """Return how many labels stand beside each other: as many as fit, at most four."""
    return max(1, min(4, len(labels), _LEGEND_LETTERS // (max(map(len, labels), default=0) + _LEGEND_MARK)))


def save(figure: Figure, path: Path) -> Path:
    """Write a sheet as a PNG file, whose folder is made if it is missing; return the file.

    Raises:
        GamelearnError: it cannot be written.
    """
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    return write_whole(path, drawn.getvalue())
