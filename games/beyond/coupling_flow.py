"""Normalising flows, which are no exponential family. This file makes them a player type, as a plugin of one file."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi, prod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gamelearn.graph.model import Factor, Variable
from gamelearn.players.player import Player
from gamelearn.registry import PLAYERS
from gamelearn.spec.kinds import PlayerOptions, Positive

_MOST_LOG_SCALE = 2.0


class CouplingFlowOptions(PlayerOptions):
    """The options of `coupling_flow`."""

    noise: ClassVar[Literal["uniform", "normal"]] = "normal"

    layers: Positive = 6
    """The number of couplings; each moves one half of the elements by what the other half says."""
    hidden: Positive = 64
    """The width of the two hidden layers of each coupling."""


@PLAYERS.register("coupling_flow", options=CouplingFlowOptions)
class CouplingFlow(Player):
    """Real variables as an invertible map of normal noise, given anything: affine couplings, without raw scores.

    With u = f(x; givens), log p(x | givens) = log N(u; 0, 1) + log |det df/dx|. Source: Dinh, Sohl-Dickstein, Bengio, "Density estimation
    using Real NVP", 2017, eqs 2 to 6.

    Args:
        factors: by label, each of a real variable of two elements or more.
        variables: by name.
        layers: couplings.
        hidden: width of their networks.

    Raises:
        ValueError: a target is not real, or has one element.
    """

    def __init__(self, factors: Mapping[str, Factor], variables: Mapping[str, Variable], *, layers: int, hidden: int) -> None:
        super().__init__(factors, variables)
        self._labels = {label: f"flow{index}" for index, label in enumerate(factors)}
        self.flows = nn.ModuleDict({self._labels[label]: self._flow(factor, layers, hidden) for label, factor in factors.items()})

    def _flow(self, factor: Factor, layers: int, hidden: int) -> "Flow":
        target = self.variables[factor.target]
        if target.type != "real" or prod(target.shape) < 2:
            raise ValueError(
                f"a coupling flow draws a real variable of two elements or more, got {factor} with {target.type} of shape {target.shape}"
            )
        givens = sum(_width(self.variables[name]) for name in factor.givens)
        return Flow(prod(target.shape), givens, layers, hidden)

    def distribution(self, factor: str, values: Mapping[str, Tensor], rows: int) -> "FlowDistribution":
        """Return the flow of a factor at a batch of givens."""
        flow = self.flows[self._labels[factor]]
        assert isinstance(flow, Flow)
        like = next(flow.parameters())
        parts = [_flat(values[name], self.variables[name], like) for name in self.factors[factor].givens]
        context = torch.cat(parts, 1) if parts else like.new_zeros((rows, 0))
        return FlowDistribution(flow, context, self.variables[self.factors[factor].target].shape)


def _width(variable: Variable) -> int:
    return prod(variable.shape) * (variable.classes or 1)


def _flat(value: Tensor, variable: Variable, like: Tensor) -> Tensor:
    """Return values as numbers, `(rows, width)`, classes one-hot."""
    if variable.classes:
        value = nn.functional.one_hot(value, variable.classes)
    return value.reshape(len(value), -1).to(like.dtype)


class Flow(nn.Module):
    """Affine couplings between vectors and noise of the same size.

    Args:
        size: of a vector, at least 2.
        givens: numbers that every coupling reads.
        layers: couplings.
        hidden: width of their networks.
    """

    halves: Tensor

    def __init__(self, size: int, givens: int, layers: int, hidden: int) -> None:
        super().__init__()
        kept = torch.stack([(torch.arange(size) + index) % 2 == 0 for index in range(layers)])
        self.register_buffer("halves", kept.to(torch.get_default_dtype()))
        self.couplings = nn.ModuleList(_coupling(size, givens, hidden) for _ in range(layers))
        self.shift = nn.Parameter(torch.zeros(size))
        self.log_scale = nn.Parameter(torch.zeros(size))

    def to_noise(self, value: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return noise, `(rows, size)`, with the log of the determinant, `(rows)`."""
        value = (value - self.shift) * torch.exp(-self.log_scale)
        logs = -self.log_scale.sum().expand(len(value))
        for coupling, kept in zip(self.couplings, self.halves, strict=True):
            shift, scale = self._moves(coupling, kept, value, context)
            value, logs = (value - shift) * torch.exp(-scale), logs - scale.sum(1)
        return value, logs

    def to_value(self, noise: Tensor, context: Tensor) -> Tensor:
        """Return the vectors, `(rows, size)`, of some noise."""
        value = noise
        for coupling, kept in zip(reversed(self.couplings), self.halves.flip(0), strict=True):
            shift, scale = self._moves(coupling, kept, value, context)
            value = value * torch.exp(scale) + shift
        return value * torch.exp(self.log_scale) + self.shift

    def _moves(self, coupling: nn.Module, kept: Tensor, value: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return by what the half that is not kept is shifted and, in logs, scaled."""
        shift, scale = coupling(torch.cat([value * kept, context], 1)).chunk(2, 1)
        return shift * (1 - kept), _MOST_LOG_SCALE * torch.tanh(scale / _MOST_LOG_SCALE) * (1 - kept)


def _coupling(size: int, givens: int, hidden: int) -> nn.Sequential:
    last = nn.Linear(hidden, 2 * size)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(size + givens, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), last)


@dataclass(frozen=True)
class FlowDistribution:
    """A flow at a batch of givens, `(rows, width)`."""

    flow: Flow
    context: Tensor
    shape: tuple[int, ...]

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density, `(rows)`, in nats."""
        noise, logs = self.flow.to_noise(value.reshape(len(value), -1), self.context)
        return logs - 0.5 * (noise**2).sum(1) - 0.5 * log(2 * pi) * noise.shape[1]

    def draw(self, noise: Tensor) -> Tensor:
        """Return draws, `(rows, *shape)`."""
        flat = noise.reshape(len(noise), -1).to(self.context.dtype)
        return self.flow.to_value(flat, self.context).reshape(len(noise), *self.shape)

    def mean(self) -> Tensor:
        """Return the expectation, `(rows, *shape)`, estimated by 64 points of the noise that are the same for every row."""
        size = self.flow.shift.numel()
        points = torch.quasirandom.SobolEngine(size, scramble=True, seed=0).draw(64).to(self.context)
        noise = torch.special.ndtri(points.clamp(1e-4, 1 - 1e-4))
        rows = len(self.context)
        values = self.flow.to_value(noise.repeat(rows, 1), self.context.repeat_interleave(64, 0))
        return values.reshape(rows, 64, *self.shape).mean(1)

    def decide(self) -> Tensor:
        """Return where noise of 0 goes, the median in a sense: the most probable value of a flow has no closed form."""
        return self.draw(self.context.new_zeros((len(self.context), self.flow.shift.numel())))
