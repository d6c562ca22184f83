"""What is hidden of a variable: a mask from a file, row by row or one for all rows, or a pattern that a word names.

This file reads masks in the form of their variable.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from gamelearn.data.listing import IMAGE_ENDINGS
from gamelearn.data.reading import Reading
from gamelearn.data.words import counted
from gamelearn.errors import DataError, EvidenceError
from gamelearn.files.arrays import ArraySource
from gamelearn.files.image_folders import Masks, is_image
from gamelearn.files.source import Array, Source, lengths
from gamelearn.files.values import find_file, open_arrays
from gamelearn.graph.model import Variable
from gamelearn.patterns import check_pattern, hidden_pattern

Mask = NDArray[np.bool_]

_AT_ONCE = 64


class MaskSource(Source):
    """Masks of a variable, bool `(rows, *shape)`, true where it is hidden.

    Args:
        source: where they come from; of one row, they are for all rows alike.
        variable: whose elements they hide.
        rows: how many rows the variable has.
        spread: brings a block of the source to the form of the variable.

    Raises:
        EvidenceError: the number of rows is another.
    """

    def __init__(self, source: Source, variable: Variable, rows: int, spread: Callable[[Array], Array], *, is_pattern: bool) -> None:
        super().__init__(source.origin, rows, None if is_pattern else source.names)
        if not is_pattern and source.rows != rows:
            raise EvidenceError(f"{source.origin} has masks of {counted(source.rows, 'row')}, {variable.name!r} has {rows:,}")
        self._source, self._variable, self._spread, self._is_pattern = source, variable, spread, is_pattern

    def blocks(self, size: int) -> Iterator[Array]:
        if self._is_pattern:
            whole = next(self._checked(self._source.blocks(self._source.rows)))
            for rows in lengths(self.rows, size):
                yield np.broadcast_to(whole, (rows, *self._variable.shape)).copy()
        else:
            yield from self._checked(self._source.blocks(size))

    def place(self, row: int) -> str:
        return self._source.origin if self._is_pattern else self._source.place(row)

    def _checked(self, blocks: Iterator[Array]) -> Iterator[Mask]:
        first = 0
        for block in blocks:
            wrong = (block != 0) & (block != 1)
            if wrong.any():
                row = int(wrong.reshape(len(wrong), -1).any(1).argmax())
                value = block[row][wrong[row]].flat[0]
                what = "expected true and false, or 0 and 1, with 1 where it is hidden"
                raise EvidenceError(f"the mask of {self._variable.name!r}, {self.place(first + row)}: {what}, got {value:g}")
            yield self._spread(block.astype(bool))
            first += len(block)


class PatternSource(Source):
    """The masks of a pattern such as `square:24`.

    Args:
        text: the pattern.
        variable: whose elements they hide.
        rows: how many.
        seed: of random patterns.

    Raises:
        EvidenceError: the pattern does not fit the variable.
    """

    def __init__(self, text: str, variable: Variable, rows: int, seed: int) -> None:
        super().__init__(text, rows)
        self._text, self._shape, self._seed = text, variable.shape, seed
        hidden_pattern(text, variable.shape, 1)

    def blocks(self, size: int) -> Iterator[Array]:
        first = 0
        for rows in lengths(self.rows, size):
            yield hidden_pattern(self._text, self._shape, rows, first, self._seed)
            first += rows


def hides_anything(masks: Source) -> bool:
    """Return whether any element of any row is hidden; the masks are read for that, as far as needed."""
    return any(bool(block.any()) for block in masks.blocks(_AT_ONCE))


def open_mask(text: str, variable: Variable, *, rows: int, seed: int, resize: bool = False) -> Source:
    """Return what a command line says is hidden of a variable.

    Args:
        text: a pattern (`gamelearn.patterns.hidden_pattern`), or a file as in `gamelearn.files.values.open_values`. A mask has the
            shape of the variable, or of its pixels, with an axis of rows or, for all rows alike, without; one image is for all rows.
        variable: whose elements are hidden.
        rows: how many rows of it are given.
        seed: of random patterns.
        resize: whether images of masks are resized.

    Raises:
        DataError: there is no such file or pattern, or the file is damaged.
        EvidenceError: it does not fit the variable.
    """
    try:
        check_pattern(text)
    except EvidenceError as error:
        return _open_file(text, variable, rows, resize, error)
    return PatternSource(text, variable, rows, seed)


def _open_file(text: str, variable: Variable, rows: int, resize: bool, error: EvidenceError) -> MaskSource:
    try:
        path, array = find_file(text)
    except DataError as absent:
        raise DataError(f"{absent}; {error}") from None
    if not path.is_dir() and path.suffix.lower() not in IMAGE_ENDINGS:
        return _of_array(open_arrays(path, array, variable.name), variable, rows)
    if not is_image(variable):
        raise EvidenceError(f"{path} holds images; {variable.name!r} of shape {variable.shape} is none: give its mask as .npz or .npy")
    masks = Masks(path, variable, Reading(), resize=resize)
    return MaskSource(masks, variable, rows, _spreading(variable, variable.shape[-2:]), is_pattern=path.is_file())


def _of_array(source: ArraySource, variable: Variable, rows: int) -> MaskSource:
    if source.head.dtype.kind not in "biu":
        raise EvidenceError(f"{source.origin}: expected a mask of true and false, or of 0 and 1, got an array of type {source.head.dtype}")
    forms = _forms(variable)
    whole, each = source.shape in forms, source.shape[1:] in forms
    if whole and each and source.rows == rows > 1:
        raise EvidenceError(
            f"{source.origin}: a mask of shape {source.shape} may be one for all rows, or one of pixels for each row:"
            f" give it as {(rows, *variable.shape)}"
        )
    if whole:
        spread = _spreading(variable, source.shape)
        return MaskSource(source, variable, rows, lambda block: spread(block[None]), is_pattern=True)
    if each:
        return MaskSource(source, variable, rows, _spreading(variable, source.shape[1:]), is_pattern=False)
    raise EvidenceError(
        f"{source.origin}: expected a mask of shape {(rows, *variable.shape)} or, for all rows alike, {variable.shape}, got {source.shape}"
    )


def _forms(variable: Variable) -> set[tuple[int, ...]]:
    """Return the shapes that the mask of one row may have."""
    shape = variable.shape
    return {shape, shape[1:], (1, *shape[1:]), (*shape[1:], shape[0])} if len(shape) == 3 else {shape}


def _spreading(variable: Variable, form: tuple[int, ...]) -> Callable[[Array], Array]:
    """Return what brings masks `(rows, *form)` to the shape of a variable."""
    shape = variable.shape

    def spread(block: Array) -> Array:
        if form == (*shape[1:], *shape[:1]) and form != shape and len(shape) == 3:
            block = np.moveaxis(block, -1, 1)
        elif form == shape[1:] and len(shape) == 3:
            block = block[:, None]
        return np.broadcast_to(block, (len(block), *shape)).copy()

    return spread
