"""Variables with classes. This file defines the categorical family."""

from typing import ClassVar

import torch
from torch import nn

from gamelearn.families.precision import precise
from gamelearn.registry import FAMILIES
from gamelearn.spec.kinds import FamilyOptions


class CategoricalOptions(FamilyOptions):
    """The categorical family has no options."""

    variable_types: ClassVar[tuple[str, ...]] = ("categorical",)

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
        """Return the log-likelihood of each element, `(batch, *shape)`, in nats, from raw outputs `(batch, classes, *shape)`."""
        return torch.log_softmax(precise(raw), 1).gather(1, value.unsqueeze(1)).squeeze(1)

    def draw(self, raw: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return classes, int64 `(batch, *shape)`, by the inverse distribution function of uniform noise of that shape."""
        cumulative = torch.softmax(precise(raw), 1).cumsum(1)
        scaled = noise.to(cumulative.dtype).unsqueeze(1) * cumulative[:, -1:]  # the sum is 1 but for rounding
        return (scaled >= cumulative[:, :-1]).sum(1)

    def mean(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the probability of every class, `(batch, classes, *shape)`."""
        return torch.softmax(precise(raw), 1)

    def decide(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the most probable class, int64 `(batch, *shape)`."""
        return raw.argmax(1)

    def extra_repr(self) -> str:
        return f"shape={self.shape}, classes={self.classes}"
