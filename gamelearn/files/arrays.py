"""Arrays in .npy files, which are mapped into memory, and in .npz archives, which are unpacked as they are read.

Nothing is unpickled. This file reads both block by block.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np

from gamelearn.data.npz import ArrayHead, read_head
from gamelearn.errors import DataError, nearest, quoted
from gamelearn.files.source import Array, Source, lengths, native

_AT_ONCE = 2**28
"""How many bytes of an array that is stored column by column are read at a time."""
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, OSError, NotImplementedError, RuntimeError, SyntaxError)


class ArraySource(Source):
    """An array of numbers, whose first axis counts rows.

    Args:
        path: of the file.
        array: its name in an archive; None for a .npy file.
        head: its type and shape.
    """

    def __init__(self, path: Path, array: str | None, head: ArrayHead) -> None:
        super().__init__(str(path) if array is None else f"{path}:{array}", head.shape[0])
        self.path, self.array, self.head = path, array, head

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole array."""
        return self.head.shape

    def blocks(self, size: int) -> Iterator[Array]:
        return self._mapped(size) if self.array is None else self._unpacked(size)

    def _mapped(self, size: int) -> Iterator[Array]:
        head = self.head
        order: Literal["F", "C"] = "F" if head.fortran else "C"
        try:
            whole = np.memmap(self.path, head.dtype, "r", head.offset, head.shape, order)
        except (OSError, ValueError) as error:
            raise _damaged(self.path, error) from None
        stretch = rows_at_once(head, size)
        for start in range(0, self.rows, stretch):
            part = native(np.array(whole[start : start + stretch], order="C"))
            for first in range(0, len(part), size):
                yield part[first : first + size]

    def _unpacked(self, size: int) -> Iterator[Array]:
        """Yield blocks of a member of an archive; its check sum is known to be right when the last has been followed by nothing."""
        one_row = prod(self.shape[1:]) * self.head.dtype.itemsize
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{self.array}.npy") as stream:
                stream.read(self.head.offset)
                for rows in lengths(self.rows, size):
                    content = stream.read(rows * one_row)
                    if len(content) < rows * one_row:
                        raise EOFError(f"{self.array!r} ends too early")
                    yield native(np.frombuffer(content, self.head.dtype).reshape(rows, *self.shape[1:]))
                if stream.read(1):
                    raise ValueError(f"{self.array!r} is longer than its head says")
        except _DAMAGE as error:
            raise _damaged(self.path, error) from None


def rows_at_once(head: ArrayHead, size: int) -> int:
    """Return how many rows of a .npy file are read at a time, a multiple of the rows of a block.

    The rows of an array that is stored column by column lie all over the file: every reading goes through the whole of it, so
    that as many rows are read as memory may hold.

    >>> rows_at_once(ArrayHead(np.dtype("uint8"), (10**6, 2**20), True, 128), 60)
    240
    >>> rows_at_once(ArrayHead(np.dtype("uint8"), (10**6, 2**20), False, 128), 60)
    60
    """
    if not head.fortran or len(head.shape) < 2:
        return size
    one_row = prod(head.shape[1:]) * head.dtype.itemsize
    return max(1, _AT_ONCE // one_row // size) * size


def open_npy(path: Path) -> ArraySource:
    """Return the array of a .npy file.

    Raises:
        DataError: it is damaged, or its array has no rows of numbers.
    """
    try:
        with path.open("rb") as file:
            head = read_head(path.name, file)
    except _DAMAGE as error:
        raise _damaged(path, error) from None
    if path.stat().st_size < head.offset + head.size:
        raise DataError(f"{path} is damaged: its head says {head.shape} of {head.dtype}, which is not the size of its data")
    return _source(path, None, head)


def open_npz(path: Path, array: str) -> ArraySource:
    """Return an array of an archive.

    Raises:
        DataError: the archive is damaged, has no such array, or no rows of numbers in it.
    """
    heads = array_heads(path)
    if array not in heads:
        hint = nearest(array, heads)
        raise DataError(f"{path} has no array {array!r}; it has {quoted(sorted(heads))}" + (f"; did you mean {hint!r}?" if hint else ""))
    source = _source(path, array, heads[array])
    if source.head.fortran and len(source.shape) > 1:
        raise DataError(f"{source.origin} is stored column by column (Fortran order): save it again after numpy.ascontiguousarray")
    return source


def array_heads(path: Path) -> dict[str, ArrayHead]:
    """Return the heads of all arrays of an archive by name.

    Raises:
        DataError: the archive is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            heads = {info.filename.removesuffix(".npy"): _head_of(path, archive, info) for info in archive.infolist()}
            _check_sizes(archive, heads)
            return heads
    except _DAMAGE as error:
        raise _damaged(path, error) from None


def _head_of(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayHead:
    """Return the head of a member.

    Raises:
        DataError: the member is no array, by its name or by its first bytes.
    """
    expected = "expected arrays alone, as numpy.savez writes them, each a member that ends in .npy"
    if not info.filename.endswith(".npy"):
        raise DataError(f"{path} holds {info.filename!r}, which is no array: {expected}")
    with archive.open(info) as packed:
        try:
            return read_head(info.filename, packed)
        except ValueError as error:
            what = " ".join(str(error).split())
            raise DataError(f"{path} holds {info.filename!r}, which is damaged or no array ({what}): {expected}") from None


def _check_sizes(archive: zipfile.ZipFile, heads: Mapping[str, ArrayHead]) -> None:
    for info in archive.infolist():
        head = heads[info.filename.removesuffix(".npy")]
        if head.is_rows_of_numbers and info.file_size != head.offset + head.size:
            raise ValueError(f"the head of {info.filename!r} says {head.shape} of {head.dtype}, which is not the size of its data")


def _source(path: Path, array: str | None, head: ArrayHead) -> ArraySource:
    title = str(path) if array is None else f"{path}:{array}"
    if not head.is_rows_of_numbers:
        raise DataError(f"{title} is of type {head.dtype}, shape {head.shape}: expected rows of numbers")
    if not head.size:
        raise DataError(f"{title} is empty: its shape is {head.shape}")
    return ArraySource(path, array, head)


def _damaged(path: Path, error: Exception) -> DataError:
    what = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{path} is damaged, or no file of arrays: {what}")
