"""Values of a variable from a file: arrays in .npz or .npy, a folder of images, one image, a column of a table.

Values mean what they meant in the training, as its reading says; colours that come last are moved before height and width. This
file reads values in the form of their variable.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gamelearn.data.archives import array_heads
from gamelearn.data.listing import IMAGE_ENDINGS
from gamelearn.data.reading import Reading
from gamelearn.errors import DataError, EvidenceError, quoted
from gamelearn.files.arrays import ArraySource, open_npy, open_npz
from gamelearn.files.image_folders import open_pictures
from gamelearn.files.source import Array, Source
from gamelearn.files.tables import CellValues, columns_of, is_table, reading_for, table_of
from gamelearn.graph.model import Variable

_EXPECTED = {
    "binary": "expected 0 or 1",
    "categorical": "expected a class in 0 .. {last}",
    "count": "expected whole numbers from 0 on",
    "real": "expected finite numbers",
}

Reshape = Callable[[Array], Array]


class ArrayValues(Source):
    """An array in the form of a variable: int64 classes, float32 otherwise.

    Args:
        source: the array.
        variable: whose values it holds.
        reading: how they are written.

    Raises:
        EvidenceError: the shape does not fit.
    """

    def __init__(self, source: ArraySource, variable: Variable, reading: Reading) -> None:
        super().__init__(source.origin, source.rows)
        self._source, self._variable, self._reading = source, variable, reading
        self.expected = reading.standing
        self._reshape = _reshaping(source, variable, reading)
        self.may_miss = source.head.dtype.kind not in "bu"

    def blocks(self, size: int) -> Iterator[Array]:
        for block in self._source.blocks(size):
            self.latest = self._reshape(block)
            with np.errstate(over="ignore", invalid="ignore"):  # what is too large becomes infinite, which is found later
                yield self._reading.decoded(self.latest, self._variable.type)


class Missing(Source):
    """What of a variable has no value in its file, bool `(rows, *shape)`, with what a mask hides.

    Args:
        source: its values.
        variable: whose they are.
        mask: what else is hidden.

    Attributes:
        finds_any: whether a block that was read had anything missing.
    """

    finds_any = False

    def __init__(self, source: Source, variable: Variable, mask: Source | None) -> None:
        super().__init__(f"what is missing in {source.origin}", source.rows)
        self._source, self._variable, self._mask = source, variable, mask

    def blocks(self, size: int) -> Iterator[Array]:
        masks: Iterator[Any] = self._mask.blocks(size) if self._mask else repeat(False)
        for block, mask in zip(self._source.blocks(size), masks, strict=False):
            missing = lacking(self._variable, block)
            self.finds_any |= bool(missing.any())
            yield missing | mask


def lacking(variable: Variable, block: Array) -> NDArray[np.bool_]:
    """Return which elements of a block, in the form of the variable, have no value."""
    return block == -1 if variable.type == "categorical" else np.isnan(block)


def _reshaping(source: ArraySource, variable: Variable, reading: Reading) -> Reshape:
    """Return what brings blocks of an array to the shape of a variable, or to the one that its reading knows."""
    got, wanted = source.shape[1:], variable.shape
    if got in (wanted, reading.written):
        return lambda block: block
    if len(wanted) == 3 and got == (*wanted[1:], wanted[0]):
        return lambda block: np.moveaxis(block, -1, 1)
    if len(wanted) == 3 and wanted[0] == 1 and got == wanted[1:]:
        return lambda block: block[:, None]
    expected = ", ".join(("rows", *map(str, wanted)))
    last = f" or (rows, {wanted[1]}, {wanted[2]}, {wanted[0]})" if len(wanted) == 3 else ""
    raise EvidenceError(f"{source.origin}: {variable.name!r} has rows of shape {wanted}: expected ({expected}){last}, got {source.shape}")


def open_values(text: str, variable: Variable, *, resize: bool = False, readings: Mapping[str, Reading] | None = None) -> Source:
    """Return the values of a variable that a command line names.

    Args:
        text: `faces.npz` (its array named as the variable, or its only one), `faces.npz:array`, `faces.npy`, a folder of images, an
            image, `table.csv` or `table.csv:column`.
        variable: whose values they are.
        resize: whether images of another size are resized.
        readings: how files write variables, by name.

    Raises:
        DataError: there is no such file, it is damaged, or of another kind.
        EvidenceError: it does not fit the variable.
    """
    path, array = find_file(text)
    readings = readings or {}
    reading = readings.get(variable.name, Reading())
    if path.is_dir() or path.suffix.lower() in IMAGE_ENDINGS:
        return open_pictures(path, variable, reading, resize=resize)
    if is_table(path):
        return _open_column(path, array, variable, readings)
    return ArrayValues(open_arrays(path, array, variable.name), variable, reading)


def _open_column(path: Path, column: str | None, variable: Variable, readings: Mapping[str, Reading]) -> CellValues:
    table = table_of(path, *readings.values())
    chosen = (column,) if column else columns_of(path, {variable.name: variable}, readings)[0].get(variable.name, ())
    if not set(chosen).intersection(table.cells):
        what = f"column {column!r}" if column else f"column of {variable.name!r}"
        raise DataError(
            f"{path} has no {what}; it has {quoted(table.cells)}: say which is meant, such as {path.name}:{next(iter(table.cells))}"
        )
    return CellValues(path, table, chosen, variable, reading_for(variable, chosen, readings))


def find_file(text: str) -> tuple[Path, str | None]:
    """Return the file or folder that a text names, with the array after the colon if there is one.

    Raises:
        DataError: there is no such file, or only an archive has arrays to name.
    """
    if Path(text).exists():
        return Path(text), None
    name, colon, array = text.rpartition(":")
    if not colon or not Path(name).is_file():
        name, colon, array = text.partition(":")
    if not colon or not Path(name).is_file():
        raise DataError(f"there is no file or folder {text!r}")
    if Path(name).suffix.lower() != ".npz" and not is_table(Path(name)):
        raise DataError(f"{name!r} is no archive (.npz) and no table (.csv), so that ':{array}' names nothing in it")
    return Path(name), array


def open_arrays(path: Path, array: str | None, name: str) -> ArraySource:
    """Return the array of a .npy file, or the one of an archive that is asked for, that is named so, or that is the only one.

    Raises:
        DataError: the file is of another kind, damaged, or leaves open which array is meant.
    """
    ending = path.suffix.lower()
    if ending == ".npy":
        return open_npy(path)
    if ending != ".npz":
        raise DataError(f"{path} is of an unknown kind: expected .npz, .npy, .csv, an image, or a folder of images")
    return open_npz(path, array or _array_for(path, name))


def _array_for(path: Path, name: str) -> str:
    heads = array_heads(path)
    if name in heads:
        return name
    numbers = [each for each, head in heads.items() if head.is_rows_of_numbers]
    if len(numbers) == 1:
        return numbers[0]
    raise DataError(
        f"{path} has no array {name!r}: say which of {quoted(sorted(heads))} is meant, such as {path.name}:{next(iter(heads), 'x')}"
    )


def right_values(variable: Variable, block: Array) -> NDArray[np.bool_]:
    """Return which elements of a block, in the form of the variable, are values that it can take."""
    if variable.type == "binary":
        return (block == 0) | (block == 1)
    if variable.type == "categorical":
        return (block >= 0) & (block < (variable.classes or 2))
    finite = np.isfinite(block)
    return finite & (block >= 0) & (block == np.floor(block)) if variable.type == "count" else finite


def check_values(variable: Variable, source: Source, block: Array, first_row: int, hidden: NDArray[np.bool_] | None = None) -> None:
    """Check that elements that are not hidden, or missing, are values of the variable.

    Raises:
        EvidenceError: one is not; it names the file with the first wrong row.
    """
    wrong = ~right_values(variable, block)
    if hidden is not None:
        wrong &= ~hidden
    if wrong.any():
        row = int(wrong.reshape(len(wrong), -1).any(1).argmax())
        value = block[row][wrong[row]].flat[0]
        if source.latest is not None and source.latest.shape == block.shape:
            value = source.latest[row : row + 1][wrong[row : row + 1]].flat[0]
        expected = _EXPECTED[variable.type].format(last=(variable.classes or 2) - 1)
        if source.expected:
            expected = f"expected one of {', '.join(source.expected)}, as in the training"
        got = f", got {value}" if source.latest is not None or not source.expected else ""
        raise EvidenceError(f"{source.place(first_row + row)}: {variable.name!r} is {variable.type}: {expected}{got}")
