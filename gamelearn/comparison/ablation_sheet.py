"""The figure sheet of an ablation: utilities and metrics over rounds, seconds and updates. This file lays it out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from gamelearn.comparison.drawing import STYLE, colour_of, draw_legend, draw_lines, save
from gamelearn.comparison.lines import AXES, Line

_WIDTH, _HEIGHT, _HEAD = 13.0, 2.2, 0.8
_MOST_ROWS = 30


def draw_ablation(labels: Sequence[str], lines: Mapping[str, tuple[Line, ...]], path: Path) -> Path:
    """Write the sheet of an ablation as a PNG file; return the file.

    A row for every utility and figure, at most 30: the mean over seeds with a band of one standard deviation, over the rounds, over the
    seconds of training, and over the updates that all players have made together.

    Args:
        labels: of the variants, for their colours.
        lines: curves by what they show.
        path: of the file.

    Raises:
        GamelearnError: it cannot be written.
    """
    shown = dict(list(lines.items())[:_MOST_ROWS])
    colours = colour_of(labels)
    notes = ["mean over seeds, with a band of one standard deviation"]
    notes += [f"{len(lines) - len(shown)} more curves are in ablation.json"] if len(shown) < len(lines) else []
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH, _HEIGHT * max(1, len(shown)) + _HEAD), layout="constrained")
        rows = figure.subplots(max(1, len(shown)), len(AXES), squeeze=False, sharey="row")
        for row, (title, found) in zip(rows, shown.items(), strict=False):
            for column, axis in enumerate(AXES):
                draw_lines(row[column], found, axis, title if column == 0 else "", colours)
        draw_legend(figure, colours, notes)
        return save(figure, path)
