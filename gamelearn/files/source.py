"""Rows of values in files that may be larger than memory.

A source is read from its first row to its last in blocks, as often as needed. This file says what a source is.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Source(ABC):
    """Rows in a file, or in a folder of files.

    Args:
        origin: what messages call it.
        rows: their number.
        names: of the rows, such as those of image files without their endings; None where they have none.

    Attributes:
        expected: what stands for classes, for messages; empty where these are 0, 1, 2, ...
        latest: the last block, in the form of its variable, before numbers became classes; None where it is not kept.
        may_miss: whether elements may have no value: not a number, or class -1.
    """

    expected: Sequence[str] = ()
    latest: Array | None = None
    may_miss = False

    def __init__(self, origin: str, rows: int, names: Sequence[str] | None = None) -> None:
        self.origin, self.rows = origin, rows
        self.names = None if names is None else tuple(names)

    @abstractmethod
    def blocks(self, size: int) -> Iterator[Array]:
        """Yield all rows in order, `(at most size, ...)`; only the last block may be smaller.

        Raises:
            DataError: the file is damaged; some blocks may have been read.
        """

    def place(self, row: int) -> str:
        """Return what messages call one row."""
        return f"{self.origin}, row {row} (counted from 0)"


def lengths(rows: int, size: int) -> Iterator[int]:
    """Yield the numbers of rows of successive blocks.

    >>> list(lengths(7, 3))
    [3, 3, 1]
    """
    for first in range(0, rows, size):
        yield min(size, rows - first)


def native(block: Array) -> Array:
    """Return an array in the machine's own order of bytes."""
    return block.astype(block.dtype.newbyteorder("="), copy=False) if not block.dtype.isnative else np.asarray(block)
