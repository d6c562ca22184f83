"""The error of inferred parts of an image, beside that of filling them with the mean colour of what is visible.

This file measures it.
"""

from math import log10

import torch

from gamelearn.metrics.jackknife import GroupedSums, Sums, ratio
from gamelearn.metrics.metric import Figure

_SQUARED, _ABSOLUTE, _SQUARED_MEAN, _ABSOLUTE_MEAN, _ELEMENTS = range(5)


def mean_colour(image: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Return images whose hidden elements have the mean of the visible ones of their colour.

    Args:
        image: `(rows, height, width)` or `(rows, colours, height, width)`.
        hidden: bool, of the same shape; where a colour is hidden whole, 0 takes its place.
    """
    visible = (~hidden).to(image.dtype)
    mean = (image * visible).sum((-2, -1), keepdim=True) / visible.sum((-2, -1), keepdim=True).clamp_min(1)
    return torch.where(hidden, mean.expand_as(image), image)


class FillingError:
    """Squared and absolute errors in the hidden parts of images.

    Args:
        name: of the image, as figures call it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._sums = GroupedSums((5,))

    def add(self, truth: torch.Tensor, filled: torch.Tensor, hidden: torch.Tensor) -> None:
        """Add a block of images.

        Args:
            truth: `(rows, *shape)`.
            filled: with the hidden parts inferred, of the same shape.
            hidden: bool, of the same shape.
        """
        error, plain = filled - truth, mean_colour(truth, hidden) - truth
        values = torch.stack([error**2, error.abs(), plain**2, plain.abs(), torch.ones_like(truth)], 1)
        sums = torch.where(hidden.unsqueeze(1), values, 0.0).flatten(2).sum(2, dtype=torch.float64 if values.device.type != "mps" else None)
        self._sums.add(sums.cpu().double().numpy())

    def figures(self) -> dict[str, Figure]:
        """Return mean squared and absolute errors, peak signal-to-noise ratios for values from 0 to 1, and the ratios of errors."""
        name, figure = self.name, self._sums.figure
        return {
            f"MSE of {name}": figure(lambda sums: _mean(sums, _SQUARED)),
            f"MSE of {name} by mean colour": figure(lambda sums: _mean(sums, _SQUARED_MEAN)),
            f"MSE ratio of {name}": figure(lambda sums: ratio(sums[_SQUARED], sums[_SQUARED_MEAN])),
            f"MAE of {name}": figure(lambda sums: _mean(sums, _ABSOLUTE)),
            f"MAE of {name} by mean colour": figure(lambda sums: _mean(sums, _ABSOLUTE_MEAN)),
            f"MAE ratio of {name}": figure(lambda sums: ratio(sums[_ABSOLUTE], sums[_ABSOLUTE_MEAN])),
            f"PSNR of {name}": figure(lambda sums: _peak_ratio(_mean(sums, _SQUARED))),
            f"PSNR of {name} by mean colour": figure(lambda sums: _peak_ratio(_mean(sums, _SQUARED_MEAN))),
        }


def _mean(sums: Sums, index: int) -> float:
    return ratio(sums[index], sums[_ELEMENTS])


def _peak_ratio(mean_square: float) -> float:
    """Return the peak signal-to-noise ratio in dB of values whose peak is 1."""
    return -10 * log10(mean_square) if mean_square > 0 else float("inf")
