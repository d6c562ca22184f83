"""Gradients that take a draw for its expectation. This file defines the straight-through estimator."""

from typing import ClassVar

import torch

from gamelearn.estimators.estimator import as_weights
from gamelearn.players.player import Distribution
from gamelearn.registry import ESTIMATORS
from gamelearn.spec.kinds import EstimatorOptions


class StraightThroughOptions(EstimatorOptions):
    """The straight-through estimator has no options."""

    variable_types: ClassVar[tuple[str, ...]] = ("binary", "categorical")


@ESTIMATORS.register("straight_through", options=StraightThroughOptions)
class StraightThrough:
    """The value is the draw, the gradient that of its expectation. It is exact where the utility is linear in each draw, else biased.

    Source: Bengio et al., "Estimating or propagating gradients through stochastic neurons", 2013.
    """

    def draw(self, distribution: Distribution, noise: torch.Tensor, classes: int | None) -> torch.Tensor:
        """Return the draw with the gradient of the mean, `(batch, *shape)` or one-hot, `(batch, classes, *shape)`."""
        mean = distribution.mean()
        value = as_weights(distribution.draw(noise), classes, mean)
        return value + (mean - mean.detach())
