"""Counts. This file defines the Poisson family."""

from typing import ClassVar

import torch
from torch import nn

from gamelearn.families.precision import precise
from gamelearn.registry import FAMILIES
from gamelearn.spec.kinds import FamilyOptions

_LINEAR_FROM = 20.0
"""The raw output above which the rate is no longer its exponential: the rate is then near 5e8."""


class PoissonOptions(FamilyOptions):
    """The Poisson family has no options."""

    variable_types: ClassVar[tuple[str, ...]] = ("count",)
    offers: ClassVar[tuple[str, ...]] = ("divergence",)


@FAMILIES.register("poisson", options=PoissonOptions)
class Poisson(nn.Module):
    """Independent counts with rate `exp(raw)`: the raw output is the natural parameter (eq. 2).

    Above 20 the rate goes on as a straight line, `exp(20) (raw - 19)`, so that there is a gradient everywhere. From far
    above the data it is as large as the rate: an optimizer with `clip` comes back soonest. All is computed in double precision, since a
    log-likelihood is the small difference of numbers as large as the counts.

    Args:
        shape: of the variable.
        classes: of the variable, which has none.
    """

    def __init__(self, shape: tuple[int, ...], *, classes: int | None = None) -> None:
        super().__init__()
        self.shape = shape

    def log_prob(self, raw: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Return the log-likelihood of each count, `(batch, *shape)`, in nats, from raw outputs `(batch, 1, *shape)`."""
        log_rate, count = self._log_rate(raw), value.double()
        return (count * log_rate - torch.exp(log_rate) - torch.lgamma(count + 1)).to(precise(raw).dtype)

    def draw(self, raw: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return counts, `(batch, *shape)`, by the inverse distribution function of uniform noise of that shape.

        The least k with `P(X <= k) > noise` is found by bisection; `P(X <= k) = Q(k + 1, rate)`, the regularised upper
        incomplete gamma function.
        """
        rate = torch.exp(self._log_rate(raw))
        target = noise.double()
        low = torch.full_like(rate, -1.0)
        high = torch.ceil(rate + 12 * torch.sqrt(rate) + 30)
        for _ in range(int(torch.log2(high.max() + 2).ceil()) + 1 if high.numel() else 0):
            middle = torch.floor((low + high) / 2)
            reached = torch.special.gammaincc(middle + 1, rate) > target
            reached &= middle >= 0
            low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
        return high.to(noise.dtype)

    def divergence(self, raw: torch.Tensor, other: "Poisson", other_raw: torch.Tensor) -> torch.Tensor:
        """Return the Kullback-Leibler divergence of each count from another distribution of the family, `(batch, *shape)`, in nats."""
        mine, theirs = self._log_rate(raw), other._log_rate(other_raw)
        return (torch.exp(mine) * (mine - theirs - 1) + torch.exp(theirs)).to(precise(raw).dtype)

    def mean(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the rate, `(batch, *shape)`."""
        return torch.exp(self._log_rate(raw)).to(precise(raw).dtype)

    def decide(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the most probable count, `(batch, *shape)`."""
        return torch.floor(self.mean(raw))

    def _log_rate(self, raw: torch.Tensor) -> torch.Tensor:
        natural = raw[:, 0].double()
        return natural.clamp(max=_LINEAR_FROM) + torch.log1p(torch.relu(natural - _LINEAR_FROM))

    def extra_repr(self) -> str:
        return f"shape={self.shape}"
