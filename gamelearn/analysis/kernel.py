"""Gibbs chains of small discrete games by enumeration, without a plan and without noise: the oracle of the samplers.

A half-step is a stochastic matrix over the joint states of the chain's variables, a sweep the product of its half-steps, and its
limiting distribution the left eigenvector of eigenvalue 1 (eq. 34 of the paper). This file builds the matrices.
"""

from collections.abc import Mapping
from math import prod

import torch

from gamelearn.analysis.tables import all_values
from gamelearn.graph.model import Bound, Graph, PlayerDraw, Sampler
from gamelearn.players.player import Player

MOST_STATES = 5_000


class TableChain:
    """A chain over the table of its joint states.

    States count the sampler's targets in order, the last one fastest; a target that is partly known has only the values that agree
    with what is known. Distributions are row vectors over the states, `(states,)`.

    Args:
        graph: the game.
        players: its modules.
        sampler: the chain.
        given: by variable the known values of one row, `(*shape)`: all givens of the sampler, with targets that are known.
        known: by target, bool `(*shape)`, which elements of it are known; a given target without a mask is known whole.
        dtype: of binary values.

    Raises:
        ValueError: a variable cannot be enumerated, or there are too many states.
    """

    def __init__(
        self,
        graph: Graph,
        players: Mapping[str, Player],
        sampler: Sampler,
        *,
        given: Mapping[str, torch.Tensor],
        known: Mapping[str, torch.Tensor],
        dtype: torch.dtype,
    ) -> None:
        self.players, self.sampler, self.dtype = players, sampler, dtype
        self._whole = {name: all_values(graph.variables[name], dtype) for name in sampler.targets}
        self._given = {name: given[name] for name in sampler.givens}
        masks = {name: known.get(name, torch.ones_like(given[name], dtype=torch.bool)) for name in sampler.targets if name in given}
        self._clamped = {name: self._clamp(name, given, masks) for name in sampler.targets}
        self.values = {name: torch.unique(self._clamped[name], dim=0) for name in sampler.targets}
        self.sizes = tuple(len(each) for each in self.values.values())
        if prod(self.sizes) > MOST_STATES:
            raise ValueError(f"more than {MOST_STATES} states: enumeration is for small games")

    def _clamp(self, name: str, given: Mapping[str, torch.Tensor], masks: Mapping[str, torch.Tensor]) -> torch.Tensor:
        whole = self._whole[name]
        return torch.where(masks[name], given[name], whole) if name in masks else whole

    def states(self) -> dict[str, torch.Tensor]:
        """Return the value of every variable in every state, `(states, *shape)`."""
        places = torch.cartesian_prod(*(torch.arange(size) for size in self.sizes)).reshape(-1, len(self.sizes))
        return {name: values[places[:, index]] for index, (name, values) in enumerate(self.values.items())}

    @torch.no_grad()
    def step(self, bound: Bound) -> torch.Tensor:
        """Return the matrix of one draw, `(states, states)`: known elements of what is drawn are put back in place."""
        states, number, target = self.states(), prod(self.sizes), bound.target
        values, whole, clamped = self.values[target], self._whole[target], self._clamped[target]
        place = torch.stack([(values == each).reshape(len(values), -1).all(1).int().argmax() for each in clamped])
        index = list(self.values).index(target)
        stride = prod(self.sizes[index + 1 :])
        own = torch.arange(number) // stride % self.sizes[index]
        givens = {name: states[actual] if actual in states else self._row(actual, number) for name, actual in bound.givens}
        matrix = torch.zeros(number, number, dtype=torch.float64)
        distribution = self.players[bound.factor.player].distribution(bound.factor.label, givens, number)
        for value, goes_to in zip(whole, place, strict=True):
            elementwise = distribution.log_prob(value.expand(number, *value.shape))
            probability = elementwise.reshape(len(elementwise), -1).sum(1).exp().double()
            matrix[torch.arange(number), torch.arange(number) + (goes_to - own) * stride] += probability
        return matrix

    def _row(self, name: str, number: int) -> torch.Tensor:
        return self._given[name].expand(number, *self._given[name].shape)

    def half_step(self, draw: PlayerDraw) -> torch.Tensor:
        """Return the matrix of a half-step, the product of its draws."""
        matrix = torch.eye(prod(self.sizes), dtype=torch.float64)
        for bound in draw.factors:
            matrix = matrix @ self.step(bound)
        return matrix

    def start(self) -> torch.Tensor:
        """Return the distribution after the start; variables that it does not draw are in their first state."""
        distribution = torch.zeros(prod(self.sizes), dtype=torch.float64)
        distribution[0] = 1.0
        for draw in self.sampler.start:
            distribution = distribution @ self.half_step(draw)
        return distribution

    def kernel(self) -> torch.Tensor:
        """Return the matrix of a whole sweep."""
        matrix = torch.eye(prod(self.sizes), dtype=torch.float64)
        for draw in self.sampler.sweep:
            matrix = matrix @ self.half_step(draw)
        return matrix

    def after(self, distribution: torch.Tensor) -> torch.Tensor:
        """Return the distribution after the half-steps that end the chain, from the one at the beginning of the last sweep."""
        halves = []
        for draw in self.sampler.sweep[: self.sampler.last_half_step + 1]:
            distribution = distribution @ self.half_step(draw)
            halves.append(distribution)
        return torch.stack(halves).mean(0) if self.sampler.after == "mixture" else halves[-1]

    def distribution(self, sweeps: int) -> torch.Tensor:
        """Return the distribution of the state that a call of so many sweeps returns."""
        return self.after(self.start() @ torch.linalg.matrix_power(self.kernel(), sweeps - 1))

    def limit(self) -> torch.Tensor:
        """Return the limiting distribution of the state that the chain returns.

        Raises:
            ValueError: the chain has several limits.
        """
        return self.after(stationary(self.kernel()))


def stationary(kernel: torch.Tensor) -> torch.Tensor:
    """Return the distribution that a stochastic matrix leaves unchanged, `(states,)`.

    Raises:
        ValueError: there are several.
    """
    size = len(kernel)
    equations = torch.cat([kernel.T - torch.eye(size, dtype=kernel.dtype), torch.ones(1, size, dtype=kernel.dtype)])
    if int(torch.linalg.matrix_rank(equations)) < size:
        raise ValueError("the chain has several stationary distributions: it cannot reach every state from every other")
    right = torch.zeros(size + 1, 1, dtype=kernel.dtype)
    right[-1] = 1
    return torch.linalg.lstsq(equations, right, driver="gelsd").solution.flatten().clamp_min(0)
