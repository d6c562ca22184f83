"""Gradients along the path of a draw. This file defines the pathwise estimator."""

from typing import ClassVar

import torch

from gamelearn.players.player import Distribution
from gamelearn.registry import ESTIMATORS
from gamelearn.spec.kinds import EstimatorOptions


class PathwiseOptions(EstimatorOptions):
    """The pathwise estimator has no options."""

    variable_types: ClassVar[tuple[str, ...]] = ("real",)
    needs: ClassVar[str | None] = "reparameterised"


@ESTIMATORS.register("pathwise", options=PathwiseOptions)
class Pathwise:
    """A draw is a differentiable function of the raw outputs and of noise: `x = mean + scale * noise`. It is unbiased.

    Source: Kingma and Welling, "Auto-encoding variational Bayes", 2014.
    """

    def draw(self, distribution: Distribution, noise: torch.Tensor, classes: int | None) -> torch.Tensor:
        """Return the draw with its own gradient, `(batch, *shape)`."""
        return distribution.draw(noise)
