"""Tables of text as evidence: rows whose missing cells are hidden, and the same rows with these filled in.

A table is held in memory whole, and written so. This file handles such tables.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gamelearn.data.dataset import field_name
from gamelearn.data.listing import IMAGE_ENDINGS
from gamelearn.data.reading import Reading
from gamelearn.data.text_table import TextTable, read_table, table_text
from gamelearn.errors import EvidenceError
from gamelearn.files.source import Array, Source
from gamelearn.graph.model import Variable

_ENDINGS = (".csv", ".tsv")
FILE = "file"
"""The column that names the image of each row, in tables of answers and beside images."""


class Held(Source):
    """Rows that are held in memory.

    Args:
        origin: what messages call them.
        values: `(rows, ...)`.
    """

    def __init__(self, origin: str, values: Array) -> None:
        super().__init__(origin, len(values))
        self._values = values

    def blocks(self, size: int) -> Iterator[Array]:
        for first in range(0, self.rows, size):
            yield self._values[first : first + size]


class CellValues(Held):
    """A variable from the columns of a table, one for each element; where a cell is missing, the value is not a number, or class -1.

    Args:
        path: of the table.
        table: that lies there.
        columns: by their titles; of what the table lacks every cell is missing.
        variable: whose values they are.
        reading: how they are written.

    Raises:
        DataError: the file is no table.
        EvidenceError: a cell is no value of the variable, or this has elements of which no column is known.
    """

    may_miss = True

    def __init__(self, path: Path, table: TextTable, columns: Sequence[str], variable: Variable, reading: Reading) -> None:
        if len(columns) != math.prod(variable.shape):
            what = f"{variable.name!r} has the shape {variable.shape}, but not as many columns in the table of the training"
            raise EvidenceError(f"{path}: {what}: give it as .npz or .npy")
        self.path, self.columns = path, tuple(columns)
        none = [""] * len(next(iter(table.cells.values())))
        found = [_values(path, variable, reading, element, table.cells.get(column, none)) for element, column in enumerate(columns)]
        values = np.stack(found, axis=-1).reshape(-1, *variable.shape)
        if variable.type == "categorical":
            super().__init__(f"{path}:{','.join(columns)}", np.where(np.isnan(values), -1, values).astype(np.int64))
        else:
            super().__init__(f"{path}:{','.join(columns)}", values.astype(np.float32))
        if FILE in table.cells and FILE not in columns:
            self.names = tuple(Path(cell).stem for cell in table.cells[FILE])


def _values(path: Path, variable: Variable, reading: Reading, element: int, cells: Sequence[str]) -> NDArray[np.float64]:
    """Return the values of a column, not a number where there is none."""
    known: dict[str, float] = {}
    for row, cell in enumerate(cells):
        if cell not in known:
            try:
                known[cell] = math.nan if reading.is_missing(cell) else reading.value(cell, element)
            except ValueError as error:
                raise EvidenceError(f"{path}, row {row} (counted from 0): {variable.name!r} is {variable.type}: {error}") from None
    return np.array([known[cell] for cell in cells])


def is_table(path: Path) -> bool:
    """Whether a file is read as a table: by its name, or since it is neither an archive, nor an array, nor an image."""
    ending = path.suffix.lower()
    return ending in _ENDINGS or (ending not in (".npz", ".npy", *IMAGE_ENDINGS) and path.is_file())


def table_of(path: Path, *readings: Reading) -> TextTable:
    """Return a table; the last one is kept until its file changes.

    Args:
        path: where it lies.
        readings: how variables are written: where separator and encoding are not plain, those of the training are tried.

    Raises:
        DataError: it is no table.
    """
    facts = path.stat()
    separator = next((each.separator for each in readings if each.separator), "")
    encoding = next((each.encoding for each in readings if each.encoding), "")
    return _read(path, facts.st_mtime_ns, facts.st_size, (separator, encoding))


@lru_cache(maxsize=1)
def _read(path: Path, changed: int, size: int, usual: tuple[str, str]) -> TextTable:
    return read_table(path, usual=usual)


def columns_of(
    path: Path, variables: Mapping[str, Variable], readings: Mapping[str, Reading]
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the columns of each variable of which a table holds some, one for each element, with the columns of no variable.

    A variable's columns are those that the table of its training has, or the one that would get its name.

    Raises:
        DataError: the file is no table.
        EvidenceError: two columns are of one variable.
    """
    known = {title: (name, each.titles) for name, each in readings.items() if name in variables for title in each.titles}
    found: dict[str, tuple[str, ...]] = {}
    others = []
    for column in table_of(path, *readings.values()).cells:
        name, titles = known.get(column, (field_name(column), (column,)))
        if name not in variables:
            others.append(column)
        elif found.get(name, titles) != titles:
            raise EvidenceError(f"{path}: the columns {found[name][0]!r} and {column!r} are both of the variable {name!r}")
        else:
            found[name] = titles
    return found, others


def reading_for(variable: Variable, columns: Sequence[str], readings: Mapping[str, Reading]) -> Reading:
    """Return how a variable is written in a table: as in its training, else by the numbers of its classes."""
    classes = variable.classes if variable.type == "categorical" else 2 if variable.type == "binary" else 0
    found = readings.get(variable.name, Reading())
    return replace(found, titles=found.titles or tuple(columns), levels=found.standing or tuple(map(str, range(classes or 0))))


class FilledTable:
    """A table of evidence in which the missing cells are filled in, row by row.

    Columns of no variable stay as they are; variables that it lacks become columns at its end.

    Args:
        path: of the table.
        columns: by variable.
        readings: how variables are written, by name.
    """

    def __init__(self, path: Path, columns: Mapping[str, Sequence[str]], readings: Mapping[str, Reading]) -> None:
        self._given = table_of(path, *readings.values())
        self._cells = {column: list(texts) for column, texts in self._given.cells.items()}
        self._columns, self._readings = columns, readings

    def fill(self, variable: Variable, first_row: int, values: Array, known: NDArray[np.bool_]) -> None:
        """Fill in some rows of a variable, `(rows, *shape)`, but for the elements that are known; counts are rounded.

        What has a shape, and no columns for its elements, is left out.
        """
        reading = reading_for(variable, self._columns.get(variable.name, (variable.name,)), self._readings)
        columns = self._columns.get(variable.name, reading.titles)
        if len(columns) != math.prod(variable.shape):
            return
        for element, column in enumerate(columns):
            texts = self._cells.setdefault(column, [""] * len(next(iter(self._cells.values()))))
            pairs = zip(
                values.reshape(len(values), -1)[:, element].tolist(), known.reshape(len(known), -1)[:, element].tolist(), strict=True
            )
            for row, (value, given) in enumerate(pairs, start=first_row):
                if not given:
                    texts[row] = reading.text(round(value) if variable.type == "count" else value, element)

    def write(self, path: Path) -> None:
        """Write the table, as the given one is written; in UTF-8 where its letters do not suffice.

        Raises:
            OSError: it cannot be written.
        """
        titles = [self._given.titles.get(column, column) for column in self._cells]
        text = table_text([titles, *zip(*self._cells.values(), strict=True)], self._given.separator)
        try:
            written = text.encode(self._given.encoding)
        except UnicodeEncodeError:
            written = text.encode()
        with path.open("xb") as file:
            file.write(written)
