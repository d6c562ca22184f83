"""Variables with classes. This file defines the categorical family."""

from itertools import accumulate
from typing import ClassVar

import torch
from torch import nn

from gamelearn.families.precision import precise
from gamelearn.registry import FAMILIES
from gamelearn.spec.kinds import FamilyOptions


class CategoricalOptions(FamilyOptions):
    """The categorical family has no options."""

    variable_types: ClassVar[tuple[str, ...]] = ("categorical",)
    offers: ClassVar[tuple[str, ...]] = ("relaxed", "divergence")

    def channels(self, classes: int | None) -> int:
        """Return one raw output per class."""
        return classes or 1


@FAMILIES.register("categorical", options=CategoricalOptions)
class Categorical(nn.Module):
    """Independent classes, `p(x = k) = exp(raw_k) / sum_j exp(raw_j)`: raw outputs are natural parameters (eqs 2, 19).

    Args:
        shape: of the variable.
        classes: of the variable.
    """

    def __init__(self, shape: tuple[int, ...], *, classes: int | None = None) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes

    def log_prob(self, raw: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Return the log-likelihood of each element, `(batch, *shape)`, in nats, from raw outputs `(batch, classes, *shape)`.

        A value is a class, or weights of the classes, `(batch, classes, *shape)` and not int64, over which it is summed.
        """
        scores = torch.log_softmax(precise(raw), 1)
        if value.is_floating_point():
            return (value * scores).sum(1)
        return scores.gather(1, value.unsqueeze(1)).squeeze(1)

    def draw(self, raw: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return classes, int64 `(batch, *shape)`, by the inverse distribution function of uniform noise of that shape."""
        # class by class: torch's cumsum over a dimension that is not the last takes several times as long on a CPU
        *steps, total = accumulate(torch.softmax(precise(raw), 1).unbind(1))
        scaled = noise.to(total.dtype) * total  # the sum is 1 but for rounding
        drawn = torch.zeros_like(scaled, dtype=torch.int64)
        for step in steps:
            drawn += scaled >= step
        return drawn

    def relaxed(self, raw: torch.Tensor, noise: torch.Tensor, temperature: float) -> torch.Tensor:
        """Return weights of the classes, `(batch, classes, *shape)`, from uniform noise of that shape.

        With Gumbel noise g, `softmax((raw + g) / temperature)` (Jang et al., "Categorical reparameterization with
        Gumbel-softmax", 2017).
        """
        raw = precise(raw)
        uniform = noise.to(raw.dtype).clamp(2.0**-25, 1 - 2.0**-24)
        return torch.softmax((raw - torch.log(-torch.log(uniform))) / temperature, 1)

    def divergence(self, raw: torch.Tensor, other: "Categorical", other_raw: torch.Tensor) -> torch.Tensor:
        """Return the Kullback-Leibler divergence of each element from another distribution of the family, `(batch, *shape)`, in nats."""
        mine, theirs = torch.log_softmax(precise(raw), 1), torch.log_softmax(precise(other_raw), 1)
        return (mine.exp() * (mine - theirs)).sum(1)

    def mean(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the probability of every class, `(batch, classes, *shape)`."""
        return torch.softmax(precise(raw), 1)

    def decide(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the most probable class, int64 `(batch, *shape)`."""
        return raw.argmax(1)

    def extra_repr(self) -> str:
        return f"shape={self.shape}, classes={self.classes}"
