"""Gradients through binary draws as in the paper's experiments. This file defines the estimator DARN(1/2)."""

from typing import ClassVar

import torch

from gamelearn.players.player import Distribution
from gamelearn.registry import ESTIMATORS
from gamelearn.spec.kinds import EstimatorOptions

_LEAST = 1e-30


class GregorOptions(EstimatorOptions):
    """The estimator of Gregor et al. has no options."""

    variable_types: ClassVar[tuple[str, ...]] = ("binary",)


@ESTIMATORS.register("gregor", options=GregorOptions)
class Gregor:
    """The value is the draw z, its gradient to the logit is `(z (1 - p) + (1 - z) p) / 2`: DARN(1/2).

    It replaces the difference of the utility's values at z = 1 and z = 0 by the mean of its slopes there. So it is exact where the utility is
    at most quadratic in each bit, else biased.

    Source: Gregor et al., "Deep autoregressive networks", 2014, which the paper's ELBO experiments use (section 6).
    """

    def draw(self, distribution: Distribution, noise: torch.Tensor, classes: int | None) -> torch.Tensor:
        """Return the draw with this gradient, `(batch, *shape)`.

        The derivative of p to the logit is `p (1 - p)`, so a gradient of p divided by twice the probability of z is the above.
        """
        mean = distribution.mean()
        value = distribution.draw(noise).to(mean.dtype)
        probability = torch.where(value > 0.5, mean, 1 - mean).detach().clamp_min(_LEAST)
        return value + (mean - mean.detach()) / (2 * probability)
