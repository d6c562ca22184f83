"""Answers as files: arrays that grow block by block into an .npz archive, images as PNG files.

This file writes them.
"""

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gamelearn.files.source import Array


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

    def finish(self) -> Path:
        """Put the arrays together; return the archive.

        Raises:
            OSError: it cannot be written.
        """
        if self._written != self.rows:
            raise ValueError(f"expected {self.rows} rows, got {self._written}")
        self.close()
        with zipfile.ZipFile(self.path, "x") as archive:
            for name, (dtype, _) in self._heads.items():
                info = zipfile.ZipInfo(f"{name}.npy")
                info.compress_type = zipfile.ZIP_DEFLATED if dtype.kind in "biu" else zipfile.ZIP_STORED
                with self._part(name).open("rb") as part, archive.open(info, "w", force_zip64=True) as packed:
                    shutil.copyfileobj(part, packed, 2**20)
                self._part(name).unlink()
        return self.path

    def close(self) -> None:
        """Close the files of an archive that may not be finished."""
        for file in self._files.values():
            file.close()


def write_archive(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    """Write arrays as an .npz archive into an open file; `numpy.savez` takes some of their names for its own arguments.

    Raises:
        OSError: it cannot be written.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def write_images(folder: Path, names: Sequence[str], images: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None) -> None:
    """Write images as PNG files, `name.png` each.

    Args:
        folder: where to; it is made if it is missing.
        names: one for each.
        images: `(count, height, width)` or `(count, height, width, 3)`, in 0 .. 255.
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
