"""Parts of the sheets of comparisons: curves with bands, dots of ratios, grids of samples. This file draws them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gamelearn.comparison.compare import Comparison
from gamelearn.comparison.lines import AXES, Axis, Line
from gamelearn.errors import GamelearnError
from gamelearn.report.curves import plain_text, scale_values
from gamelearn.report.pictures import Pixels, grid

STYLE: dict[Any, Any] = {"font.size": 9, "axes.titlesize": 9, "legend.fontsize": 9}
_RATIO_TICKS = tuple(digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5))
_LINEAR = 3
_FEW_POINTS = 20
_SHADE = 0.18


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
    axes.set_title(plain_text(title), loc="left")
    axes.grid(color="0.93", zorder=0)


def draw_ratios(axes: Axes, found: Comparison, colours: Mapping[str, Any]) -> None:
    """Draw the ratios to the baseline as dots with their spread, a line of the panel for each figure that has any."""
    rows = [row for row in found.rows if any(row.ratios)]
    step = 0.6 / max(1, len(found.groups) - 1)
    for place, row in enumerate(rows):
        for index, ratio in enumerate(row.ratios):
            if ratio is not None:
                height = place + (index - (len(found.groups) - 1) / 2) * step
                colour = colours[found.groups[index].label]
                axes.errorbar(ratio.value, height, xerr=ratio.spread, color=colour, fmt="o", markersize=4, capsize=2)
    axes.set_yticks(range(len(rows)), [plain_text(row.title) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axvline(1, color=colours[found.groups[found.baseline].label], linewidth=1)
    low, high = axes.get_xlim()
    if low > 0 and high / low > _LINEAR:
        axes.set_xscale("log")
        ticks = [tick for tick in _RATIO_TICKS if low <= tick <= high]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.set_title(plain_text(f"ratio to {found.groups[found.baseline].label}"), loc="left")
    axes.grid(axis="x", color="0.93", zorder=0)


def draw_grid(axes: Axes, cells: Pixels, title: str, colour: Any) -> None:
    """Draw images as a square grid, under a title in a colour."""
    axes.imshow(grid(cells), interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(plain_text(title), loc="left", color=colour)


def draw_legend(figure: Figure, colours: Mapping[str, Any], notes: Sequence[str]) -> None:
    """Draw which colour is which group on top, with what the bands are."""
    handles = [Line2D([], [], color=colour, marker="o", label=plain_text(label)) for label, colour in colours.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(4, len(handles)), frameon=False, title=plain_text("; ".join(notes)))


def save(figure: Figure, path: Path) -> Path:
    """Write a sheet as a PNG file, whose folder is made if it is missing; return the file.

    Raises:
        GamelearnError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise GamelearnError(f"cannot write {str(path)!r}: {error.strerror or error}") from None
    return path
