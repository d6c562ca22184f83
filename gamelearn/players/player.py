"""What a player type is: a module that can draw and score its factors.

A new type subclasses `Player`, and is registered with an options model:

    @PLAYERS.register("histogram", options=HistogramOptions)
    class Histogram(Player): ...

This file defines the base with the distribution that players of the default type give.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from gamelearn.graph.model import Factor, Variable


class Distribution(Protocol):
    """A conditional distribution for a batch of givens; values have shape `(batch, *shape)`."""

    def log_prob(self, value: torch.Tensor) -> torch.Tensor:
        """Return the log-likelihood of a value: one number per element, or per row, with the batch first."""

    def draw(self, noise: torch.Tensor) -> torch.Tensor:
        """Return a draw, made from noise of the value's shape (uniform in [0, 1), or normal, as the options say)."""

    def decide(self) -> torch.Tensor:
        """Return the most probable value."""

    def mean(self) -> torch.Tensor:
        """Return the expectation (of a categorical variable the probabilities, shape `(batch, classes, *shape)`)."""


@runtime_checkable
class ConditionableDistribution(Distribution, Protocol):
    """A distribution that goes on with the rest of a variable where a part is known: of types whose options say `has_given`."""

    def given(self, value: torch.Tensor, known: torch.Tensor) -> Distribution:
        """Return the distribution of the other elements given those that are known, bool `(batch, *shape)`; these may come out as they like."""


@dataclass(frozen=True)
class FamilyDistribution:
    """A family at raw outputs of shape `(batch, channels, *shape)`."""

    family: Any
    raw: torch.Tensor

    def log_prob(self, value: torch.Tensor) -> torch.Tensor:
        """Return the log-likelihood, elementwise."""
        return self.family.log_prob(self.raw, value)

    def draw(self, noise: torch.Tensor) -> torch.Tensor:
        """Return a draw made from noise."""
        return self.family.draw(self.raw, noise)

    def decide(self) -> torch.Tensor:
        """Return the most probable value."""
        return self.family.decide(self.raw)

    def mean(self) -> torch.Tensor:
        """Return the expectation."""
        return self.family.mean(self.raw)


class Player(nn.Module, ABC):
    """The base of every player type.

    The constructor is called with the player's factors by label, the game's variables by name, and the type's own options
    by keyword.
    """

    def __init__(self, factors: Mapping[str, Factor], variables: Mapping[str, Variable]) -> None:
        super().__init__()
        self.factors = dict(factors)
        self.variables = dict(variables)

    @abstractmethod
    def distribution(self, factor: str, values: Mapping[str, torch.Tensor], rows: int) -> Distribution:
        """Return the distribution of one factor for a batch.

        Args:
            factor: the label `target | givens`.
            values: the givens by name, each `(rows, *shape)`.
            rows: the batch, which a factor without givens cannot tell.
        """

    def scores(self, factor: str, values: Mapping[str, torch.Tensor], rows: int) -> torch.Tensor:
        """Return the raw outputs of one factor, `(rows, channels, *shape)`, where the type has them.

        Raises:
            TypeError: the type has no scores, as its options say (`has_scores`).
        """
        raise TypeError(f"{type(self).__name__} has no scores for {factor!r}")
