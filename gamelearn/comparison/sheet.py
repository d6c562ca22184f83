"""The figure sheet of a comparison: ratios, utilities over rounds and seconds, samples of every group. This file lays it out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from gamelearn.comparison.compare import Comparison
from gamelearn.comparison.drawing import STYLE, colour_of, draw_grid, draw_legend, draw_lines, draw_ratios, save
from gamelearn.comparison.entry import Entry
from gamelearn.comparison.lines import Axis, Line, utility_lines
from gamelearn.report.pictures import Pixels, image_variables, sampled_images, to_pixels

_WIDTH = 11.0
_CURVE, _RATIO, _GRID, _HEAD = 2.4, 0.3, 2.8, 0.9
_SAMPLES = 16
_AXES: tuple[Axis, ...] = ("rounds", "seconds")
_ACROSS = 12


@dataclass(frozen=True)
class _Parts:
    """What stands on a sheet: how many figures have ratios, the curves, the samples by group and image variable."""

    ratios: int
    lines: Mapping[str, tuple[Line, ...]]
    samples: tuple[tuple[str, str, Pixels], ...]

    @property
    def heights(self) -> list[float]:
        """The heights of the sheet's rows, in inches."""
        ratios = [1.0 + _RATIO * self.ratios] if self.ratios else []
        return [*ratios, *[_CURVE] * len(self.lines), *[_GRID] * -(-len(self.samples) // 4)] or [_CURVE]


def draw_comparison(found: Comparison, path: Path) -> Path:
    """Write the sheet of a comparison as a PNG file; return the file.

    It has the ratios to the baseline as dots with their spread; the utilities over rounds and over seconds, the mean over seeds with a band
    of one standard deviation; and samples of the first run of every group, if the game has images.

    Raises:
        GamelearnError: it cannot be written.
    """
    samples = tuple(
        (group.label, name, cells) for group in found.groups for name, cells in _samples(group.first, found.question.seed).items()
    )
    parts = _Parts(sum(any(row.ratios) for row in found.rows), utility_lines(found.groups), samples)
    colours = colour_of([group.label for group in found.groups])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, sum(parts.heights) + _HEAD), layout="constrained")
        layout = GridSpec(len(parts.heights), _ACROSS, figure, height_ratios=parts.heights)
        row = 0
        if parts.ratios:
            draw_ratios(figure.add_subplot(layout[0, :]), found, colours)
            row = 1
        for title, lines in parts.lines.items():
            for column, axis in enumerate(_AXES):
                draw_lines(figure.add_subplot(layout[row, 6 * column : 6 * column + 6]), lines, axis, title, colours)
            row += 1
        for index, (label, name, cells) in enumerate(parts.samples):
            down, across = divmod(index, 4)
            axes = figure.add_subplot(layout[row + down, 3 * across : 3 * across + 3])
            draw_grid(axes, cells, f"{label}: samples of {name}", colours[label])
        draw_legend(figure, colours, ["bands and bars: one standard deviation over seeds"])
        return save(figure, path)


def _samples(entry: Entry, seed: int) -> dict[str, Pixels]:
    variables = image_variables(entry.game.graph)
    found = sampled_images(entry.game, variables, _SAMPLES, seed) if variables else {}
    return {name: to_pixels(values, variables[name]) for name, values in found.items()}
