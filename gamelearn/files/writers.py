"""Values as files: arrays in .npz archives, tables that grow row by row, images as PNG files.

This file writes them.
"""

import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gamelearn.data.reading import Reading
from gamelearn.data.text_table import table_text
from gamelearn.files.source import Array
from gamelearn.graph.model import Variable

ROW_NAMES = "row.names"
"""The array of the names of rows in an archive; a variable has no such name."""


class ArchiveWriter:
    """An archive of arrays whose rows come in blocks, so that memory does not grow with their number.

    Every array grows as a .npy file beside the archive; `finish` puts them together and removes them. Whole numbers are
    packed, others hardly become smaller and are stored as they are.

    Args:
        path: of the archive.
        rows: how many rows each array will have.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self.path, self.rows = path, rows
        self._files: dict[str, IO[bytes]] = {}
        self._heads: dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]] = {}
        self._written = 0

    def append(self, arrays: Mapping[str, Array]) -> None:
        """Add the same rows of every array, `(rows, ...)`; names, types and shapes stay what they were at first.

        Raises:
            OSError: they cannot be written.
        """
        if not self._files:
            self._begin(arrays)
        heads = {name: (array.dtype, array.shape[1:]) for name, array in arrays.items()}
        if heads != self._heads or len({len(array) for array in arrays.values()}) > 1:
            raise ValueError(f"expected blocks of {self._heads}, got {heads}")
        for name, array in arrays.items():
            self._files[name].write(np.ascontiguousarray(array).data)
        self._written += len(next(iter(arrays.values())))

    def _begin(self, arrays: Mapping[str, Array]) -> None:
        self._numbers = {name: number for number, name in enumerate(arrays)}
        for name, array in arrays.items():
            head = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": (self.rows, *array.shape[1:])}
            self._files[name] = self._part(name).open("xb")
            np.lib.format.write_array_header_1_0(self._files[name], head)
            self._heads[name] = array.dtype, array.shape[1:]

    def _part(self, name: str) -> Path:
        return self.path.with_name(f".{self.path.stem}-{self._numbers[name]}.npy")

    def finish(self, beside: Mapping[str, Array] | None = None) -> Path:
        """Put the arrays together; return the archive.

        Args:
            beside: arrays that have no rows of their own, such as the names of classes.

        Raises:
            OSError: it cannot be written.
        """
        if self._written != self.rows:
            raise ValueError(f"expected {self.rows} rows, got {self._written}")
        self.close()
        with zipfile.ZipFile(self.path, "x") as archive:
            for name, (dtype, _) in self._heads.items():
                with self._part(name).open("rb") as part, _member(archive, name, dtype) as packed:
                    shutil.copyfileobj(part, packed, 2**20)
                self._part(name).unlink()
            _write_arrays(archive, beside or {})
        return self.path

    def close(self) -> None:
        """Close the files of an archive that may not be finished."""
        for file in self._files.values():
            file.close()


def write_archive(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays of any names as an archive; `numpy.savez` takes some names for its own arguments.

    Raises:
        OSError: it cannot be written.
    """
    with zipfile.ZipFile(file, "w") as archive:
        _write_arrays(archive, arrays)


def _write_arrays(archive: zipfile.ZipFile, arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        with _member(archive, name, array.dtype) as packed:
            np.lib.format.write_array(packed, np.ascontiguousarray(array), allow_pickle=False)


def _member(archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any]) -> IO[bytes]:
    """Open an array of an archive to be written."""
    info = zipfile.ZipInfo(f"{name}.npy")
    info.compress_type = zipfile.ZIP_DEFLATED if dtype.kind in "biuU" else zipfile.ZIP_STORED
    return archive.open(info, "w", force_zip64=True)


class RowTable:
    """A table that grows row by row.

    Args:
        path: of the file.
        titles: of its columns.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, titles: Sequence[str]) -> None:
        self._file = path.open("x", newline="", encoding="utf-8")
        self.append([titles])

    def append(self, rows: Iterable[Sequence[str]]) -> None:
        """Add rows of cells."""
        self._file.write(table_text(rows))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def own_values(values: Array, variable: Variable, reading: Reading) -> Array:
    """Return values of a variable, `(rows, *shape)`, as the files of its training write them, in the smallest type that holds all.

    They keep their shape, unless axes of equal lengths leave open which are meant: those are ordered as in the files.
    """
    if reading.written != variable.shape:
        reading = replace(reading, written=None, shape=None)
    own = reading.encoded(values, variable.type)
    if variable.type not in ("binary", "categorical") or own.dtype.kind in "bU":
        return own
    stand = reading.encoded(np.arange(variable.classes or 2), variable.type)
    is_whole = bool((stand == np.floor(stand)).all())
    return own.astype(np.result_type(*map(np.min_scalar_type, map(int, (stand.min(), stand.max())))) if is_whole else np.float32)


def class_names(variables: Mapping[str, Variable], readings: Mapping[str, Reading]) -> dict[str, Array]:
    """Return the names of the classes of variables, as far as they have any, each under the name of its array in an archive."""
    return {f"{name}.classes": np.array(readings[name].levels) for name in variables if name in readings and readings[name].levels}


def write_images(folder: Path, names: Sequence[str], images: Iterable[NDArray[np.uint8]], palette: NDArray[np.uint8] | None = None) -> None:
    """Write images as PNG files, `name.png` each.

    Args:
        folder: where to; it is made if it is missing.
        names: one for each.
        images: `(height, width)` or `(height, width, 3)` each, in 0 .. 255.
        palette: the colours of label maps, `(classes, 3)`: their pixels stay the classes.

    Raises:
        OSError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in zip(names, images, strict=True):
        image = Image.fromarray(pixels)
        if palette is not None:
            image.putpalette(palette.tobytes())
        image.save(folder / f"{name}.png")
