"""The figure sheet of a comparison: ratios, utilities over rounds and seconds, samples of every group. This file lays it out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from gamelearn.comparison.compare import Comparison
from gamelearn.comparison.drawing import STYLE, colour_of, draw_grid, draw_legend, draw_lines, legend_columns, save
from gamelearn.comparison.entry import Entry
from gamelearn.comparison.lines import Axis, Line, utility_lines
from gamelearn.comparison.ratios import Block, blocks_of, draw_ratios, in_columns, limits_of, line_count
from gamelearn.report.pictures import Pixels, image_variables, sampled_images, to_pixels

_WIDTH, _HEAD, _LEGEND_LINE, _CURVE, _GRID = 11.0, 0.45, 0.2, 2.3, 2.9
_LINE, _MORE, _AXIS = 0.15, 0.05, 0.6
_SAMPLES = 16
_AXES: tuple[Axis, ...] = ("rounds", "seconds")
_ACROSS = 4
_TITLE_LETTERS = 34


@dataclass(frozen=True)
class _Sheet:
    """What stands on a sheet: the comparison, the ratios in columns, the curves, the samples by group and image variable."""

    found: Comparison
    ratios: tuple[tuple[Block, ...], ...]
    lines: Mapping[str, tuple[Line, ...]]
    samples: tuple[tuple[str, str, Pixels], ...]

    @property
    def colours(self) -> dict[str, Any]:
        """The colours of the columns, by label."""
        return colour_of([group.label for group in self.found.groups])

    def parts(self) -> Iterator[tuple[float, Callable[[FigureBase], None]]]:
        """Yield the parts of the sheet from the top: the height in inches, and what draws it."""
        yield _HEAD + _LEGEND_LINE * -(-len(self.colours) // legend_columns(self.colours)), self._draw_head
        if self.ratios:
            line = _LINE + _MORE * max(0, len(self.found.groups) - 2)
            yield _AXIS + line * max(map(line_count, self.ratios)), self._draw_ratios
        if self.lines:
            yield _CURVE * -(-len(self.lines) * len(_AXES) // _ACROSS), self._draw_curves
        if self.samples:
            yield _GRID * -(-len(self.samples) // _ACROSS), self._draw_samples

    def _draw_head(self, part: FigureBase) -> None:
        notes = ["bars and bands: one standard deviation over seeds"]
        if self.ratios:
            notes.append("bars: of the logarithm of the ratio; figures that are equal in all runs are left out")
        draw_legend(part, self.colours, notes, outside=False)

    def _draw_ratios(self, part: FigureBase) -> None:
        limits = limits_of([block for column in self.ratios for block in column])
        for axes, blocks in zip(part.subplots(1, len(self.ratios), squeeze=False)[0], self.ratios, strict=True):
            draw_ratios(axes, blocks, self.found, self.colours, limits)

    def _draw_curves(self, part: FigureBase) -> None:
        places = _places(part, len(self.lines) * len(_AXES))
        for title, lines in self.lines.items():
            for axis in _AXES:
                draw_lines(next(places), lines, axis, title if axis == _AXES[0] else "", self.colours)

    def _draw_samples(self, part: FigureBase) -> None:
        places = _places(part, len(self.samples), least=_ACROSS)
        for label, name, cells in self.samples:
            draw_grid(next(places), cells, fill(f"{label}: samples of {name}", _TITLE_LETTERS), self.colours[label])


def _places(part: FigureBase, count: int, *, least: int = 1) -> Iterator[Axes]:
    """Return so many panels, four in a row; a single row has as many places as panels, but not fewer than `least`."""
    across = min(_ACROSS, max(count, least))
    made = list(part.subplots(-(-count // across), across, squeeze=False).flat)
    for axes in made[count:]:
        axes.set_axis_off()
    return iter(made[:count])


def draw_comparison(found: Comparison, path: Path) -> Path:
    """Write the sheet of a comparison as a PNG file; return the file.

    It has the ratios to the baseline as dots with their spread, without figures that are equal in all runs; the utilities over rounds and
    over seconds, the mean over seeds with a band of one standard deviation; and samples of the first run of every group, if the game has
    images.

    Raises:
        GamelearnError: it cannot be written.
    """
    samples = tuple(
        (group.label, name, cells) for group in found.groups for name, cells in _samples(group.first, found.question.seed).items()
    )
    parts = list(_Sheet(found, in_columns(blocks_of(found)), utility_lines(found.groups), samples).parts())
    heights = [height for height, _ in parts]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
        for (_, draw), part in zip(parts, figure.subfigures(len(parts), 1, height_ratios=heights, squeeze=False)[:, 0], strict=True):
            draw(part)
        return save(figure, path)


def _samples(entry: Entry, seed: int) -> dict[str, Pixels]:
    variables = image_variables(entry.game.graph)
    found = sampled_images(entry.game, variables, _SAMPLES, seed) if variables else {}
    return {name: to_pixels(values, variables[name]) for name, values in found.items()}
