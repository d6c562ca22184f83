"""Grey images: thresholded or not, with the data noise of training batches.

This file is what the data sets of grey images share.
"""

from typing import Annotated, Any

import pydantic
import torch
from numpy.typing import NDArray
from pydantic import model_validator
from torch import Tensor

from gamelearn import noise
from gamelearn.data.dataset import ArrayColumn, Disturb, Field
from gamelearn.data.reading import Reading
from gamelearn.options import Mistake, mistakes_error
from gamelearn.spec.kinds import DatasetOptions


class GreyOptions(DatasetOptions):
    """The options of a data set of grey images."""

    binarize: Annotated[float, pydantic.Field(gt=0, le=1)] | None = None
    """The threshold on grey values in [0, 1], from which on a pixel is 1; none leaves them grey."""
    flip: Annotated[float, pydantic.Field(ge=0, le=1)] = 0.0
    """The probability that a binarised pixel flips, anew in every training batch."""
    noise: Annotated[float, pydantic.Field(ge=0)] = 0.0
    """The standard deviation of normal noise on grey pixels, anew in every training batch."""

    @model_validator(mode="after")
    def _noise_fits(self) -> "GreyOptions":
        found = []
        if self.flip and self.binarize is None:
            found.append(Mistake(("flip",), "only binarised pixels flip: add 'binarize', or give grey ones 'noise'"))
        if self.noise and self.binarize is not None:
            found.append(Mistake(("noise",), "only grey pixels take normal noise: leave 'binarize' out, or give binarised ones 'flip'"))
        if found:
            raise mistakes_error(found)
        return self


def grey_fields(size: tuple[int, int], classes: int, binarize: float | None) -> dict[str, Field]:
    """Return the fields of a data set of labelled grey images: x of shape (1, height, width), and the class c."""
    return {
        "x": Field("real" if binarize is None else "binary", (1, *size)),
        "c": Field("categorical", (), classes),
    }


def grey_column(images: NDArray[Any], field: Field, reading: Reading, *, flip: float = 0.0, noise: float = 0.0) -> ArrayColumn:
    """Return the column of grey images.

    Args:
        images: `(rows, height, width)`, whole numbers up to white, or others in 0 .. 1.
        field: one of `grey_fields`.
        reading: how files write it.
        flip: the probability that a binarised pixel flips in a training batch.
        noise: the standard deviation of normal noise on grey pixels in a training batch.
    """
    disturb = _flipping(flip) if flip else _adding(noise) if noise else None
    return ArrayColumn(field, images, convert=lambda chosen: reading.decoded(chosen[:, None], field.type), disturb=disturb)


def _flipping(probability: float) -> Disturb:
    def disturb(values: Tensor, key: tuple[object, ...], first_row: int) -> Tensor:
        flips = noise.uniform(key, len(values), tuple(values.shape[1:]), first_row=first_row) < probability
        return torch.where(flips.to(values.device), 1 - values, values)

    return disturb


def _adding(sigma: float) -> Disturb:
    def disturb(values: Tensor, key: tuple[object, ...], first_row: int) -> Tensor:
        return values + sigma * noise.normal(key, len(values), tuple(values.shape[1:]), first_row=first_row).to(values)

    return disturb
