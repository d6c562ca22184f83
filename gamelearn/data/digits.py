"""The handwritten digits that come with scikit-learn. This file makes them a data set, which needs no download."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gamelearn.data.dataset import ArrayColumn, Column, DataSet, Field, SplitOptions, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.data.grey import GreyOptions, grey_column, grey_fields
from gamelearn.data.reading import Reading
from gamelearn.registry import DATASETS

_SIZE = (8, 8)
_CLASSES = 10
_WHITE = 16


class DigitsOptions(GreyOptions, SplitOptions):
    """The options of `digits`."""

    thumbnail: Literal[2, 4] | None = None
    """Pixels per side of t, a thumbnail of each image: means of its cells, binarised as x is; none leaves it out."""


@DATASETS.register("digits", options=DigitsOptions)
class Digits(DataSet):
    """1,797 images of handwritten digits, 8x8, that come with scikit-learn.

    Fields: x, real in [0, 1] or binary with `binarize`, of shape (1, 8, 8); c, the digit, one of 10 classes; with `thumbnail` t,
    of the type of x, a smaller image, which has no data noise.

    Source: Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998.
    """

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        binarize: float | None = None,
        flip: float = 0.0,
        noise: float = 0.0,
        validation: float = 0.1,
        test: float = 0.1,
        thumbnail: int | None = None,
    ) -> None:
        from sklearn.datasets import load_digits  # takes a second to load, so only where it is needed

        images, labels = load_digits(return_X_y=True)
        fields = _fields(binarize, thumbnail)
        grey = images.reshape(-1, *_SIZE).astype(np.uint8)
        self.readings = {name: Reading(threshold=binarize, white=_WHITE) for name in fields if name != "c"}
        columns: dict[str, Column] = {
            "x": grey_column(grey, fields["x"], self.readings["x"], flip=flip, noise=noise),
            "c": ArrayColumn(fields["c"], labels),
        }
        if thumbnail:
            columns["t"] = grey_column(cell_means(grey, thumbnail) / _WHITE, fields["t"], self.readings["t"])
        super().__init__(columns, split_rows(len(labels), validation, test, seed))

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field]:
        """Return x, as `binarize` has it, with c, and t if there are thumbnails."""
        return _fields(options.binarize, options.thumbnail)


def _fields(binarize: float | None, thumbnail: int | None) -> dict[str, Field]:
    fields = grey_fields(_SIZE, _CLASSES, binarize)
    return {**fields, "t": Field(fields["x"].type, (1, thumbnail, thumbnail))} if thumbnail else fields


def cell_means(images: NDArray[Any], side: int) -> NDArray[np.float64]:
    """Return the means over the cells of a grid, `(rows, side, side)`, of images `(rows, height, width)`, whose sides `side` divides."""
    rows, height, width = images.shape
    return images.reshape(rows, side, height // side, side, width // side).mean((2, 4))
