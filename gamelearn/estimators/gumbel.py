"""Gradients through relaxed draws. This file defines the Gumbel-softmax estimator."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field

from gamelearn.players.player import Distribution, FamilyDistribution
from gamelearn.registry import ESTIMATORS
from gamelearn.spec.kinds import EstimatorOptions


class GumbelOptions(EstimatorOptions):
    """The options of `gumbel`."""

    temperature: Annotated[float, Field(gt=0)] = 0.5
    """The temperature: lower ones have less bias, and more variance."""

    variable_types: ClassVar[tuple[str, ...]] = ("binary", "categorical")
    needs: ClassVar[str | None] = "relaxed"
    by_class: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = False


@ESTIMATORS.register("gumbel", options=GumbelOptions)
class Gumbel:
    """A draw is replaced by a number between 0 and 1, or by weights of the classes: the Gumbel-softmax at a temperature. It is biased.

    Not the gradient alone but the value of the utility, too, is that of relaxed draws.

    Source: Jang et al., "Categorical reparameterization with Gumbel-softmax", 2017; Maddison et al., "The concrete
    distribution", 2017.

    Args:
        temperature: above 0.
    """

    def __init__(self, *, temperature: float) -> None:
        self.temperature = temperature

    def draw(self, distribution: Distribution, noise: torch.Tensor, classes: int | None) -> torch.Tensor:
        """Return the relaxed draw, `(batch, *shape)` or `(batch, classes, *shape)`, from uniform noise of that shape."""
        assert isinstance(distribution, FamilyDistribution)  # only families are relaxed, as the graph has checked
        relaxed: torch.Tensor = distribution.family.relaxed(distribution.raw, noise, self.temperature)
        return relaxed
