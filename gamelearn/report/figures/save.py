"""Figures as PNG sheets. This file lays them out."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gamelearn.report.figures.figure import Figure
from gamelearn.report.pictures import Pixels
from gamelearn.report.sheets import save_sheet

_PAPER = 255


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as one PNG file, whose folder is made if it is missing; return the file.

    Raises:
        GamelearnError: it cannot be written.
    """
    width = max(len(row.cells) for row in figure.rows)
    size = _common_size(cell for row in figure.rows for cell in row.cells if cell is not None)
    rows = [[_fitted(cell, size) for cell in (*row.cells, *[None] * (width - len(row.cells)))] for row in figure.rows]
    titles = figure.columns or ("",) * width
    columns = [(title, np.stack([row[index] for row in rows])) for index, title in enumerate(titles)]
    labels = [row.label for row in figure.rows]
    return save_sheet(columns, path, rows=labels if any(labels) else (), title=figure.caption)


def _common_size(cells: Iterable[Pixels]) -> tuple[int, int]:
    """Return the height and width that all cells fit into."""
    shapes = [cell.shape[:2] for cell in cells]
    return max(height for height, _ in shapes), max(width for _, width in shapes)


def _fitted(cell: Pixels | None, size: tuple[int, int]) -> Pixels:
    """Return a cell enlarged by the largest whole factor that fits, on paper of that size."""
    paper = np.full((*size, 3), _PAPER, np.uint8)
    if cell is not None:
        factor = min(size[0] // cell.shape[0], size[1] // cell.shape[1])
        large = cell.repeat(factor, axis=0).repeat(factor, axis=1)
        top, left = (size[0] - large.shape[0]) // 2, (size[1] - large.shape[1]) // 2
        paper[top : top + large.shape[0], left : left + large.shape[1]] = large
    return paper
