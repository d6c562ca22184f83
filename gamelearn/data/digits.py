"""The handwritten digits that come with scikit-learn. This file makes them a data set, which needs no download."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gamelearn.data.dataset import ArrayColumn, DataSet, Field, SplitOptions, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.data.grey import GreyOptions, grey_column, grey_fields
from gamelearn.registry import DATASETS

_SIZE = (8, 8)
_CLASSES = 10
_WHITE = 16


class DigitsOptions(GreyOptions, SplitOptions):
    """The options of `digits`."""


@DATASETS.register("digits", options=DigitsOptions)
class Digits(DataSet):
    """1,797 images of handwritten digits, 8x8, that come with scikit-learn.

    Fields: x, real in [0, 1] or binary with `binarize`, of shape (1, 8, 8); c, the digit, one of 10 classes.

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
    ) -> None:
        from sklearn.datasets import load_digits  # takes a second to load, so only where it is needed

        images, labels = load_digits(return_X_y=True)
        fields = grey_fields(_SIZE, _CLASSES, binarize)
        grey = images.reshape(-1, *_SIZE).astype(np.uint8)
        x = grey_column(grey, fields["x"], white=_WHITE, binarize=binarize, flip=flip, noise=noise)
        super().__init__({"x": x, "c": ArrayColumn(fields["c"], labels)}, split_rows(len(labels), validation, test, seed))

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field]:
        """Return x, as `binarize` has it, with c."""
        return grey_fields(_SIZE, _CLASSES, options.binarize)
