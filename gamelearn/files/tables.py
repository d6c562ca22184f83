"""Tables of text as evidence: rows whose missing cells are hidden, and the same rows with these filled in.

A table is held in memory whole, and written so. This file handles such tables.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gamelearn.data.csv_file import read_table
from gamelearn.data.dataset import field_name
from gamelearn.data.reading import Reading
from gamelearn.errors import EvidenceError
from gamelearn.files.source import Array, Source
from gamelearn.graph.model import Variable

ENDINGS = (".csv", ".tsv")


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
    """A scalar variable from the column of a table; where `hidden`, bool `(rows)`, the cell is missing, and no value of the variable.

    Args:
        path: of the table.
        column: as its first line has it.
        variable: whose values they are.
        reading: how they are written.

    Raises:
        DataError: the file is no table.
        EvidenceError: a cell is no value of the variable, or this has a shape.
    """

    def __init__(self, path: Path, column: str, variable: Variable, reading: Reading) -> None:
        if variable.shape:
            raise EvidenceError(f"{path}: a table holds scalars, {variable.name!r} has the shape {variable.shape}: give it as .npz or .npy")
        self.path, self.column = path, column
        texts = table_of(path)[column]
        self.hidden: NDArray[np.bool_] = np.array([reading.is_missing(text) for text in texts])
        missing = -1.0 if variable.type == "categorical" else nan
        values = [
            missing if lacks else _value(path, row, variable, reading, text)
            for row, (text, lacks) in enumerate(zip(texts, self.hidden, strict=True))
        ]
        super().__init__(f"{path}:{column}", np.array(values, np.int64 if variable.type == "categorical" else np.float32))


def _value(path: Path, row: int, variable: Variable, reading: Reading, text: str) -> float:
    try:
        return reading.value(text)
    except ValueError as error:
        raise EvidenceError(f"{path}, row {row} (counted from 0): {variable.name!r} is {variable.type}: {error}") from None


def table_of(path: Path) -> dict[str, list[str]]:
    """Return the cells of a table by column; that of the last path is kept until its file changes.

    Raises:
        DataError: it is no table.
    """
    facts = path.stat()
    return _read(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, changed: int, size: int) -> dict[str, list[str]]:
    return read_table(path, None)


def columns_of(path: Path, variables: Mapping[str, Variable], readings: Mapping[str, Reading]) -> tuple[dict[str, str], list[str]]:
    """Return the column of each scalar variable that a table holds, with the columns of no variable.

    A variable's column is the one that the table of its training has, or one that would get its name.

    Raises:
        DataError: the file is no table.
        EvidenceError: two columns are of one variable.
    """
    titles = {each.titles[0]: name for name, each in readings.items() if name in variables and each.titles}
    found: dict[str, str] = {}
    others = []
    for column in table_of(path):
        name = titles.get(column, field_name(column))
        if name not in variables:
            others.append(column)
        elif name in found:
            raise EvidenceError(f"{path}: the columns {found[name]!r} and {column!r} are both of the variable {name!r}")
        else:
            found[name] = column
    return found, others


def reading_for(variable: Variable, column: str, readings: Mapping[str, Reading]) -> Reading:
    """Return how a variable is written: as in the table of its training, else by the numbers of its classes."""
    classes = variable.classes if variable.type == "categorical" else 2 if variable.type == "binary" else 0
    found = readings.get(variable.name, Reading())
    return replace(found, titles=found.titles or (column,), levels=found.levels or tuple(map(str, range(classes or 0))))


class FilledTable:
    """A table of evidence in which the missing cells are filled in, row by row.

    Columns of no variable stay as they are; variables that it lacks become columns at its end.

    Args:
        path: of the table.
        columns: by variable.
        readings: how variables are written, by name.
    """

    def __init__(self, path: Path, columns: Mapping[str, str], readings: Mapping[str, Reading]) -> None:
        self._table = {column: list(texts) for column, texts in table_of(path).items()}
        self._columns, self._readings = columns, readings

    def fill(self, variable: Variable, first_row: int, values: Array, known: NDArray[np.bool_]) -> None:
        """Fill in some rows of a scalar variable, `(rows)`, but for those that are known; counts are rounded."""
        column = self._columns.get(variable.name) or reading_for(variable, variable.name, self._readings).titles[0]
        reading = reading_for(variable, column, self._readings)
        texts = self._table.setdefault(column, [""] * len(next(iter(self._table.values()))))
        for row, (value, given) in enumerate(zip(values.tolist(), known.tolist(), strict=True), start=first_row):
            if not given:
                texts[row] = reading.text(round(value) if variable.type == "count" else value)

    def write(self, path: Path) -> None:
        """Write the table.

        Raises:
            OSError: it cannot be written.
        """
        with path.open("x", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self._table)
            writer.writerows(zip(*self._table.values(), strict=True))
