"""Binary variables. This file defines the Bernoulli family."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from gamelearn.families.precision import precise
from gamelearn.registry import FAMILIES
from gamelearn.spec.kinds import FamilyOptions


class BernoulliOptions(FamilyOptions):
    """The Bernoulli family has no options."""

    variable_types: ClassVar[tuple[str, ...]] = ("binary",)
    offers: ClassVar[tuple[str, ...]] = ("relaxed", "divergence")


@FAMILIES.register("bernoulli", options=BernoulliOptions)
class Bernoulli(nn.Module):
    """Independent bits, `p(x = 1) = 1 / (1 + exp(-raw))`: the raw output is the natural parameter (eq. 2).

    Args:
        shape: of the variable.
        classes: of the variable, which has none.
    """

    def __init__(self, shape: tuple[int, ...], *, classes: int | None = None) -> None:
        super().__init__()
        self.shape = shape

    def log_prob(self, raw: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Return the log-likelihood of each bit, `(batch, *shape)`, in nats, from raw outputs `(batch, 1, *shape)`."""
        return -functional.binary_cross_entropy_with_logits(precise(raw[:, 0]), value.to(precise(raw).dtype), reduction="none")

    def draw(self, raw: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return bits as 0 and 1, `(batch, *shape)`, from uniform noise of that shape."""
        return (noise < torch.sigmoid(precise(raw[:, 0]))).to(noise.dtype)

    def relaxed(self, raw: torch.Tensor, noise: torch.Tensor, temperature: float) -> torch.Tensor:
        """Return numbers between 0 and 1, `(batch, *shape)`, that tend to the draw from the same noise as the temperature falls.

        With logistic noise, `sigmoid((raw - logit(noise)) / temperature)` (Maddison et al., "The concrete distribution", 2017).
        """
        raw = precise(raw[:, 0])
        return torch.sigmoid((raw - torch.logit(noise.to(raw.dtype), eps=2.0**-25)) / temperature)

    def divergence(self, raw: torch.Tensor, other: "Bernoulli", other_raw: torch.Tensor) -> torch.Tensor:
        """Return the Kullback-Leibler divergence of each bit from another distribution of the family, `(batch, *shape)`, in nats."""
        mine, theirs = precise(raw[:, 0]), precise(other_raw[:, 0])
        return torch.sigmoid(mine) * (mine - theirs) + functional.softplus(theirs) - functional.softplus(mine)

    def mean(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the probability of 1, `(batch, *shape)`."""
        return torch.sigmoid(precise(raw[:, 0]))

    def decide(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the more probable value, `(batch, *shape)`."""
        return (raw[:, 0] > 0).to(precise(raw).dtype)

    def extra_repr(self) -> str:
        return f"shape={self.shape}"
