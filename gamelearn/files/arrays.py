"""Arrays as evidence: those of .npy files are mapped into memory, those of .npz archives unpacked as they are read.

This file reads both block by block.
"""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np

from gamelearn.data.archives import DAMAGE, ArrayHead, array_blocks, damaged, head_of, read_head
from gamelearn.errors import DataError
from gamelearn.files.source import Array, Source, native

_AT_ONCE = 2**28
"""How many bytes of an array that is stored column by column are read at a time."""


class ArraySource(Source):
    """An array of numbers or texts, whose first axis counts rows.

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
        return self._mapped(size) if self.array is None else map(native, array_blocks(self.path, self.array, self.head, size))

    def _mapped(self, size: int) -> Iterator[Array]:
        head = self.head
        order: Literal["F", "C"] = "F" if head.fortran else "C"
        try:
            whole = np.memmap(self.path, head.dtype, "r", head.offset, head.shape, order)
        except (OSError, ValueError) as error:
            raise damaged(self.path, error) from None
        stretch = rows_at_once(head, size)
        for start in range(0, self.rows, stretch):
            part = native(np.array(whole[start : start + stretch], order="C"))
            for first in range(0, len(part), size):
                yield part[first : first + size]


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
        DataError: it is damaged, or its array has no rows of values.
    """
    try:
        with path.open("rb") as file:
            head = read_head(path.name, file)
    except DAMAGE as error:
        raise damaged(path, error) from None
    if path.stat().st_size < head.offset + head.size:
        raise DataError(f"{path} is damaged: its head says {head.shape} of {head.dtype}, which is not the size of its data")
    return _source(path, None, head)


def open_npz(path: Path, array: str) -> ArraySource:
    """Return an array of an archive.

    Raises:
        DataError: the archive is damaged, has no such array, or no rows of values in it.
    """
    return _source(path, array, head_of(path, array))


def _source(path: Path, array: str | None, head: ArrayHead) -> ArraySource:
    title = str(path) if array is None else f"{path}:{array}"
    if head.misfit:
        raise DataError(f"{title} {head.misfit}")
    if not head.size:
        raise DataError(f"{title} is empty: its shape is {head.shape}")
    return ArraySource(path, array, head)
