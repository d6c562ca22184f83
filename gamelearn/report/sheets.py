"""Sheets: tables of images with a caption above each column, and beside each row where there is something to say.

Text is drawn in the font that comes with pillow. This file draws sheets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gamelearn.report.pictures import Pixels, enlarge, save_png

_GAP = 4
_SIZE = 12
_LINE = 15
_WIDEST_CAPTION = 160
_NARROWEST_TITLE = 480
_PAPER = (255, 255, 255)
_INK = (0, 0, 0)

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class _Column:
    """A column as it is drawn: the lines of its caption, its enlarged cells, its width in pixels."""

    lines: tuple[str, ...]
    cells: Pixels
    width: int


@dataclass(frozen=True)
class _Table:
    """A sheet before it is drawn: its columns, the lines of the captions of its rows and of its title, the font."""

    columns: tuple[_Column, ...]
    captions: tuple[tuple[str, ...], ...]
    title: tuple[str, ...]
    font: _Font

    @property
    def cell_height(self) -> int:
        """The height of a row, without the gap below it."""
        return max(*(each.cells.shape[1] for each in self.columns), *(_LINE * len(lines) for lines in self.captions), 0)

    @property
    def left(self) -> int:
        """Where the first column begins."""
        return max((_length(line, self.font) + _GAP for lines in self.captions for line in lines), default=0) + _GAP

    @property
    def top(self) -> int:
        """Where the first row begins."""
        return _LINE * (len(self.title) + max(len(each.lines) for each in self.columns)) + 2 * _GAP

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        height = self.top + len(self.columns[0].cells) * (self.cell_height + _GAP)
        return max(self.width, *(_length(line, self.font) + 2 * _GAP for line in self.title), 0), height

    @property
    def width(self) -> int:
        """The width of the table without its title."""
        return self.left + sum(each.width + _GAP for each in self.columns)


def sheet(columns: Sequence[tuple[str, Pixels]], *, rows: Sequence[str] = (), title: str = "") -> Pixels:
    """Return a table of images on white paper.

    Args:
        columns: each with its caption and its images, `(count, height, width, 3)`; the count is the same in all, the size may
            differ. Small images are enlarged as in `gamelearn.report.pictures.enlarge`, smaller ones stand in the middle of their cell.
        rows: a caption for every row, or none at all. Captions are broken between words.
        title: stands above the table; it is broken where it is wider than the table.

    Returns:
        `(sheet height, sheet width, 3)`.

    Raises:
        ValueError: there are no columns, or the numbers of images or captions differ.
    """
    counts = [len(cells) for _, cells in columns]
    if len({*counts, *([len(rows)] if rows else [])}) != 1:
        raise ValueError(f"expected columns of equal length, with as many captions of rows if any, got {counts}, {len(rows)} captions")
    font = ImageFont.load_default(_SIZE)
    captions = tuple(_broken(each, _WIDEST_CAPTION, font) for each in rows)
    table = _Table(tuple(_column(caption, cells, font) for caption, cells in columns), captions, (), font)
    lines = _broken(title, max(table.width - 2 * _GAP, _NARROWEST_TITLE), font)
    return _drawn(replace(table, title=lines))


def save_sheet(columns: Sequence[tuple[str, Pixels]], path: Path, *, rows: Sequence[str] = (), title: str = "") -> Path:
    """Write a table of images as one PNG file, whose folder is made if it is missing; return the file.

    Args:
        columns: as in `sheet`.
        path: of the file.
        rows: as in `sheet`.
        title: as in `sheet`.
    """
    return save_png(sheet(columns, rows=rows, title=title), path)


def _column(caption: str, cells: Pixels, font: _Font) -> _Column:
    enlarged = enlarge(cells)
    lines = _broken(caption, enlarged.shape[2], font)
    return _Column(lines, enlarged, max([enlarged.shape[2], *(_length(line, font) for line in lines)]))


def _drawn(table: _Table) -> Pixels:
    paper = Image.new("RGB", table.size, _PAPER)
    step = table.cell_height + _GAP
    _write(paper, table.title, (_GAP, _GAP), table.font)
    for index, lines in enumerate(table.captions):
        _write(paper, lines, (_GAP, table.top + index * step + (table.cell_height - _LINE * len(lines)) // 2), table.font)
    left = table.left
    for column in table.columns:
        height, width = column.cells.shape[1:3]
        _write(paper, column.lines, (left, table.top - _GAP - _LINE * len(column.lines)), table.font)
        place = (left + (column.width - width) // 2, table.top + (table.cell_height - height) // 2)
        for index, cell in enumerate(column.cells):
            paper.paste(Image.fromarray(cell), (place[0], place[1] + index * step))
        left += column.width + _GAP
    return np.array(paper)


def _write(paper: Image.Image, lines: Iterable[str], place: tuple[int, int], font: _Font) -> None:
    draw = ImageDraw.Draw(paper)
    for index, line in enumerate(lines):
        draw.text((place[0], place[1] + index * _LINE), line, fill=_INK, font=font)


def _broken(text: str, width: int, font: _Font) -> tuple[str, ...]:
    """Return a text as lines of at most that width; a longer word has a line of its own, cut at the widest caption."""
    lines: list[str] = []
    for word in _drawable(text).split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and _length(joined, font) <= width:
            lines[-1] = joined
        else:
            lines.append(_cut(word, font))
    return tuple(lines)


def _cut(word: str, font: _Font) -> str:
    if _length(word, font) <= _WIDEST_CAPTION:
        return word
    kept = next(end for end in range(len(word), 0, -1) if _length(f"{word[:end]}..", font) <= _WIDEST_CAPTION)
    return f"{word[:kept]}.."


def _drawable(text: str) -> str:
    """Return a text with what the font may lack replaced."""
    return text.encode("latin-1", "replace").decode("latin-1")


def _length(text: str, font: _Font) -> int:
    return int(np.ceil(font.getlength(text)))
